"""Intervals and tests over patients."""

import numpy as np
from scipy import stats

LEVEL = 0.95


def mean_interval(values: np.ndarray, resamples: int, seed: int) -> tuple[float | None, float | None]:
    """95 % percentile bootstrap interval of a mean over patients; None with fewer than two.

    The same seed and number of patients give the same resamples, so that intervals of several explainers are paired.
    """
    if len(values) < 2:
        return None, None
    result = stats.bootstrap(
        (values,), np.mean, n_resamples=resamples, confidence_level=LEVEL, method="percentile", rng=seed
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def signed_rank(differences: np.ndarray) -> float | None:
    """p of the two-sided Wilcoxon signed-rank test; None with fewer than two patients, 1 where nothing differs."""
    if len(differences) < 2:
        return None
    if not np.any(differences):
        return 1.0
    return float(stats.wilcoxon(differences).pvalue)


def holm(p_values: list[float | None]) -> list[float | None]:
    """Holm's step-down adjustment over the values that are not None (Holm 1979)."""
    given = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for step, (p, place) in enumerate(given):
        largest = max(largest, min(1.0, (len(given) - step) * p))
        adjusted[place] = largest
    return adjusted
