"""What masks tell by their shape, by patient and by map."""

import pandas as pd

from unoise import tables
from unoise.workflow.names import ORIGINAL

TELLS = 0.05  # a map that leaks more than this is not ranked
_KEY = [name for name in tables.LEAK.names if name not in ("own", "other", "leak")]
_COUNTS = ["clean", "own", "own_clean", "other", "other_clean"]


def patient_leaks(counts: pd.DataFrame) -> pd.DataFrame:
    """Agreement through the patient's own and through another patient's masks, pooled over cases, and their difference.

    Parameters
    ----------
    counts
        Rows of `tables.LEAK_COUNTS`.

    Returns
    -------
    DataFrame
        Rows of `tables.LEAK`; null without a clean prediction, and without another mask for one of the cases.
    """
    pooled = counts.groupby(_KEY, as_index=False, sort=True)[_COUNTS].sum(skipna=False)
    agreement = {
        whose: (2 * pooled[f"{whose}_clean"] / (pooled[whose] + pooled.clean)).where(pooled.clean > 0)
        for whose in ("own", "other")
    }
    pooled = pooled.assign(**agreement)
    return pooled.assign(leak=pooled.own - pooled.other)[tables.LEAK.names]


def map_leaks(leaks: pd.DataFrame) -> dict[str, dict[str, float]]:
    """How much each map tells the original judge: the largest mean over patients, of all contents and visibilities.

    Parameters
    ----------
    leaks
        Rows of `tables.LEAK`.

    Returns
    -------
    dict
        By target, then by explainer; NaN where nothing could be compared.
    """
    own = leaks[leaks.judge == ORIGINAL]
    means = own.groupby(["target", "explainer", "content", "visibility"]).leak.mean()
    found: dict[str, dict[str, float]] = {}
    for (target, explainer), largest in means.groupby(["target", "explainer"]).max().items():
        found.setdefault(target, {})[explainer] = largest
    return found
