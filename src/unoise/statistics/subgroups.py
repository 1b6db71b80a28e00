"""What explanations score on the patients of each scanner, phase or sex: whatever further columns a manifest has."""

from collections.abc import Iterator

import pandas as pd

from unoise import tables
from unoise.statistics.curves import patient_curves
from unoise.statistics.intervals import mean_interval
from unoise.statistics.scores import AT, curve_areas, curve_points

_CELL = ["model", "target", "explainer", "judge", "obscurer"]
_COLUMNS = [*_CELL, "subgroup", "value", "score", "patient", "number"]


def subgroup_scores(
    metrics: pd.DataFrame, subgroups: dict[str, dict[str, str]], resamples: int, seed: int
) -> pd.DataFrame:
    """Areas and agreements on each part of the test cases, pooled by patient as for all of them.

    A patient whose cases differ, say in their phase, is in several subgroups, in each with the cases that belong there.

    Parameters
    ----------
    metrics
        Rows of `tables.METRICS`.
    subgroups
        By column, the value of each test case; an empty text where nothing is known.
    resamples, seed
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Rows of `tables.SUBGROUPS`.
    """
    test = metrics[metrics["split"] == "test"]
    values = pd.concat([pd.DataFrame(columns=_COLUMNS), *_values(test, subgroups)])
    rows = []
    for key, group in values.groupby(_COLUMNS[:-2], sort=True, dropna=False):
        numbers = group["number"].to_numpy(float)
        low, high = mean_interval(numbers, resamples, seed)
        row = {"patients": len(numbers), "mean": numbers.mean(), "low": low, "high": high}
        rows.append(dict(zip(_COLUMNS[:-2], key, strict=True)) | row)
    return pd.DataFrame(rows, columns=tables.SUBGROUPS.names)


def _values(test: pd.DataFrame, subgroups: dict[str, dict[str, str]]) -> Iterator[pd.DataFrame]:
    """Scores of each patient in each subgroup."""
    for subgroup, value_of in subgroups.items():
        for value, part in test.groupby(test["case"].map(value_of), sort=True):
            curves = patient_curves(part).dropna(subset="agreement")
            if curves.empty:
                continue
            points = curve_points(curves)
            found = pd.concat([curve_areas(curves), points[points["score"].isin(AT.values())]])
            found = found.rename(columns={"value": "number"}).dropna(subset="number")
            yield found.assign(subgroup=subgroup, value=value or None)[_COLUMNS]
