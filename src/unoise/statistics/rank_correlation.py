"""How far a ranking of explanations holds when something else takes the place of hidden voxels."""

from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from unoise import tables

STEADY = 0.5  # Kendall's tau below which a ranking turns: more than a quarter of the pairs change places
_CONTEST = ["model", "target", "judge", "order"]


def rank_correlations(ranking: pd.DataFrame) -> pd.DataFrame:
    """Correlate the ranks of the explainers' areas between each two obscurers.

    Parameters
    ----------
    ranking
        Rows of `tables.RANKING`.

    Returns
    -------
    DataFrame
        Rows of `tables.RANK_CORRELATION`; no row for two obscurers that have fewer than two explainers in common.
    """
    rows = []
    for contest, group in ranking.groupby(_CONTEST, sort=True):
        found = group.pivot(index="explainer", columns="obscurer", values="area")
        for one, other in combinations(found.columns, 2):
            both = found[[one, other]].dropna()
            if len(both) >= 2:
                pair = {"obscurer": one, "other_obscurer": other, "explainers": len(both)}
                rows.append(dict(zip(_CONTEST, contest, strict=True)) | pair | _correlated(both.to_numpy().T))
    return pd.DataFrame(rows, columns=tables.RANK_CORRELATION.names)


def _correlated(areas: np.ndarray) -> dict:
    if (np.ptp(areas, axis=1) == 0).any():
        return {"kendall": None, "spearman": None, "unstable": None}
    kendall = float(stats.kendalltau(*areas).statistic)
    return {"kendall": kendall, "spearman": float(stats.spearmanr(*areas).statistic), "unstable": kendall < STEADY}
