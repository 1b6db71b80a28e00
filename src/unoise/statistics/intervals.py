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
    interval = _bootstrap(values, resamples, seed).confidence_interval
    return float(interval.low), float(interval.high)


def bootstrap_p(values: np.ndarray, resamples: int, seed: int) -> float | None:
    """p of a mean of 0 by bootstrap over patients; None with fewer than two.

    Twice the smaller of two shares of the resampled means, those up to 0 and those from 0 up, each as
    (count + 1) / (resamples + 1) (Davison and Hinkley 1997, chapter 4), so never 0; at most 1. It is two-sided, since
    either of two rivals may be the better, and it then says the same as `mean_interval` of the same seed: p is below
    .05 where the 95 % interval leaves 0 out. With few patients it is too small.
    """
    if len(values) < 2:
        return None
    means = _bootstrap(values, resamples, seed).bootstrap_distribution
    count = min(np.count_nonzero(means <= 0), np.count_nonzero(means >= 0))
    return min(1.0, 2 * (count + 1) / (resamples + 1))


def _bootstrap(values: np.ndarray, resamples: int, seed: int):
    return stats.bootstrap(
        (values,), np.mean, n_resamples=resamples, confidence_level=LEVEL, method="percentile", rng=seed
    )


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
