"""Which explanations differ at all, when all are ranked by every patient (Demsar 2006, JMLR 7, 1-30)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from unoise.statistics.intervals import ENOUGH_PATIENTS, LEVEL


@dataclass(frozen=True)
class CriticalDifference:
    """Mean ranks of explainers, and how far apart they must be.

    Attributes
    ----------
    ranks
        Mean rank over patients by explainer, ascending; 1 is best.
    patients
        That have an area of every explainer.
    p
        Friedman's, of all explainers being equal.
    difference
        Of two mean ranks that is significant at .05 (Nemenyi), if p is.
    """

    ranks: pd.Series
    patients: int
    p: float
    difference: float

    def groups(self) -> list[tuple[str, ...]]:
        """Explainers, two or more, next to each other in rank, that cannot be told apart; no group within another."""
        names, values = list(self.ranks.index), self.ranks.to_numpy()
        reach = len(values) if self.p >= 1 - LEVEL else np.searchsorted(values, values + self.difference, side="right")
        ends = np.broadcast_to(reach, len(values))
        return [
            tuple(names[start:end])
            for start, end in enumerate(ends)
            if end - start > 1 and (start == 0 or end > ends[start - 1])
        ]


def critical_difference(areas: pd.DataFrame) -> CriticalDifference | None:
    """Rank the explainers within each test patient, by area; None with too few patients or fewer than 3 explainers.

    Parameters
    ----------
    areas
        From `unoise.statistics.curves.areas`, of one model, target, judge, obscurer and order.
    """
    test = areas[areas["split"] == "test"].pivot(index="patient", columns="explainer", values="area").dropna()
    patients, number = test.shape
    if patients < ENOUGH_PATIENTS or number < 3:
        return None
    sign = -1 if set(areas["order"]) == {"kept_first"} else 1
    ranks = (sign * test).rank(axis=1).mean().sort_values(kind="stable")
    p = 1.0 if (test.nunique(axis=1) == 1).all() else float(stats.friedmanchisquare(*test.to_numpy().T).pvalue)
    quantile = stats.studentized_range.ppf(LEVEL, number, np.inf) / np.sqrt(2)
    return CriticalDifference(ranks, patients, p, float(quantile * np.sqrt(number * (number + 1) / (6 * patients))))
