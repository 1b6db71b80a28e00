"""Intervals and tests over patients."""

import numpy as np
from scipy import stats
from scipy.optimize import brentq

LEVEL = 0.95
POWER = 0.8
ENOUGH_PATIENTS = 8  # with fewer there is no p-value: explanations cannot be told apart
_LARGEST_EFFECT = 1e4


def mean_interval(values: np.ndarray, resamples: int, seed: int) -> tuple[float | None, float | None]:
    """95 % percentile bootstrap interval of a mean over patients; None with fewer than two.

    The same seed and number of patients give the same resamples, so that intervals of several explainers are paired.
    """
    if len(values) < 2:
        return None, None
    interval = _bootstrap(values, resamples, seed).confidence_interval
    return float(interval.low), float(interval.high)


def bootstrap_p(values: np.ndarray, resamples: int, seed: int) -> float | None:
    """p of a mean of 0 by bootstrap over patients; None with fewer than `ENOUGH_PATIENTS`.

    Twice the smaller of two shares of the resampled means, those up to 0 and those from 0 up, each as
    (count + 1) / (resamples + 1) (Davison and Hinkley 1997, chapter 4), so never 0; at most 1. It is two-sided, since
    either of two rivals may be the better, and it then says the same as `mean_interval` of the same seed: p is below
    .05 where the 95 % interval leaves 0 out. With few patients it is too small.
    """
    if len(values) < ENOUGH_PATIENTS:
        return None
    means = _bootstrap(values, resamples, seed).bootstrap_distribution
    count = min(np.count_nonzero(means <= 0), np.count_nonzero(means >= 0))
    return min(1.0, 2 * (count + 1) / (resamples + 1))


def _bootstrap(values: np.ndarray, resamples: int, seed: int):
    return stats.bootstrap(
        (values,), np.mean, n_resamples=resamples, confidence_level=LEVEL, method="percentile", rng=seed
    )


def signed_rank(differences: np.ndarray) -> float | None:
    """p of the two-sided Wilcoxon signed-rank test; None with fewer than `ENOUGH_PATIENTS`, 1 where nothing differs."""
    if len(differences) < ENOUGH_PATIENTS:
        return None
    if not np.any(differences):
        return 1.0
    return float(stats.wilcoxon(differences).pvalue)


def detectable_difference(differences: np.ndarray) -> float | None:
    """The smallest true mean that as many patients would show with a power of `POWER`; None with fewer than two.

    For the two-sided paired t-test at .05, by the noncentral t distribution (Cohen 1988, chapter 2), from the observed
    standard deviation of the differences.
    """
    number = len(differences)
    if number < 2:
        return None
    critical = stats.t.ppf((1 + LEVEL) / 2, number - 1)
    shift = brentq(lambda one: stats.nct.sf(critical, number - 1, one) - POWER, 0, _LARGEST_EFFECT)
    return float(shift / np.sqrt(number) * np.std(differences, ddof=1))


def holm(p_values: list[float | None]) -> list[float | None]:
    """Holm's step-down adjustment over the values that are not None (Holm 1979)."""
    given = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for step, (p, place) in enumerate(given):
        largest = max(largest, min(1.0, (len(given) - step) * p))
        adjusted[place] = largest
    return adjusted
