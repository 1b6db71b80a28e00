"""How far other explanations lie behind one, patient by patient, over all obscurers."""

from collections.abc import Collection

import pandas as pd

from unoise.statistics.curves import areas
from unoise.statistics.intervals import holm, signed_rank


def behind(curves: pd.DataFrame, first: str, others: Collection[str]) -> pd.DataFrame:
    """The area of an explanation, kept first, minus that of each other one: mean over the obscurers, then the patients.

    Parameters
    ----------
    curves
        Rows of `tables.CURVES` of the test patients, of one model, target and judge.
    first, others
        Explainers.

    Returns
    -------
    DataFrame
        Index: the others, the nearest first. `difference`; `p`, Wilcoxon signed-rank, Holm-adjusted over the others.
    """
    found = areas(curves[(curves["order"] == "kept_first") & curves["explainer"].isin([first, *others])])
    wide = found.pivot_table(index="patient", columns="explainer", values="area").dropna()
    differences = -wide.drop(columns=first).sub(wide[first], axis=0)
    p = holm([signed_rank(differences[name].to_numpy()) for name in differences])
    table = pd.DataFrame({"difference": differences.mean(), "p": p}, index=differences.columns)
    return table.sort_values("difference", kind="stable")
