"""Two experiments, or two models, patient by patient."""

import pandas as pd

from unoise.statistics.intervals import holm, mean_interval, signed_rank
from unoise.statistics.scores import AT, curve_areas, curve_points

SCORES = ("kept_first_area", *AT.values())
_CELL = ["target", "obscurer", "judge", "score", "explainer"]


def compare_curves(a: pd.DataFrame, b: pd.DataFrame, resamples: int, seed: int) -> pd.DataFrame:
    """The area and the agreement at 2, 5, 10 % visible of each explanation in both, and their paired difference.

    Parameters
    ----------
    a, b
        Rows of `tables.CURVES`, each of one model and of the test patients that both have.
    resamples, seed
        Of the bootstrap.

    Returns
    -------
    DataFrame
        A row a target, obscurer, judge, score and explainer that both have, with the columns patients, a, b (means over
        the patients with a value in both), difference (b minus a), low, high (its 95 % bootstrap interval) and p
        (Wilcoxon signed-rank, Holm-adjusted over the explainers; null with fewer than 8 patients).
    """
    both = pd.concat({"a": _values(a), "b": _values(b)}, axis=1).dropna()
    rows = []
    for cell, group in both.groupby(_CELL, sort=True):
        difference = (group["b"] - group["a"]).to_numpy()
        low, high = mean_interval(difference, resamples, seed)
        row = {"patients": len(group), "a": group["a"].mean(), "b": group["b"].mean(), "difference": difference.mean()}
        rows.append(
            dict(zip(_CELL, cell, strict=True)) | row | {"low": low, "high": high, "p": signed_rank(difference)}
        )
    found = pd.DataFrame(rows, columns=[*_CELL, "patients", "a", "b", "difference", "low", "high", "p"])
    for _, group in found.groupby(_CELL[:-1]):
        found.loc[group.index, "p"] = holm([None if pd.isna(p) else p for p in group["p"]])
    return found


def _values(curves: pd.DataFrame) -> pd.Series:
    """Scores by cell and patient."""
    known = curves.dropna(subset="agreement")
    values = pd.concat([curve_areas(known), curve_points(known)])
    values = values[values["score"].isin(SCORES)].dropna(subset="value")
    return values.set_index([*_CELL, "patient"])["value"].astype(float)
