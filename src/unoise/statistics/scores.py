"""Every score of every explanation, mean and interval over the test patients."""

import numpy as np
import pandas as pd

from unoise import tables
from unoise.statistics.curves import areas, crossing
from unoise.statistics.intervals import mean_interval

AT = {0.02: "agreement_at_2", 0.05: "agreement_at_5", 0.1: "agreement_at_10"}
ENOUGH = {0.9: "visibility_90", 0.95: "visibility_95"}
COSTS = {"seconds": "s", "forwards": "pass", "backwards": "pass", "peak_mib": "MiB"}
_MAP = ["model", "target", "explainer"]
_CELL = [*_MAP, "judge", "obscurer"]


def scores(
    curves: pd.DataFrame,
    leaks: pd.DataFrame,
    maps: pd.DataFrame,
    faithfulness: pd.DataFrame,
    costs: pd.DataFrame,
    patients: dict[str, str],
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    """Gather what is known of each explanation, a row a score.

    - `kept_first_area`, `removed_first_area`: as in `tables.RANKING`.
    - `area_difference`: the first minus the second, patient by patient. The two lie on opposite axes, so that a map
      that knows nothing has no value of its own: it orders maps, and its zero means nothing.
    - `symmetric_relevance_gain`: how far the agreement with the most important voxels kept lies above that with them
      removed, on average over the visible fraction (Blücher, Vielhaben, Strodthoff 2024, arXiv 2401.06654: least minus
      most influential first); 0 for a map that knows nothing. By the trapezoidal rule over the fractions, from 0 to 1,
      at which both are known; null without one between these ends.
    - `agreement_at_2` and so on: kept first, at 2, 5, 10 % visible.
    - `visibility_90`, `visibility_95`: the smallest visible fraction with 90, 95 % of the agreement at full visibility,
      kept first, between those evaluated by a line over the logarithm.
    - `leak`: at the content and visibility where its mean is largest.
    - `sparsity`, `entropy`, `infidelity`, `sensitivity`: see `tables.MAPS` and `tables.FAITHFULNESS`.
    - `seconds`, `forwards`, `backwards`: a unit's. `peak_mib`: the largest of the patient.

    Parameters
    ----------
    curves, leaks, maps, faithfulness, costs
        Rows of `tables.CURVES`, `LEAK`, `MAPS`, `FAITHFULNESS` and `COSTS`.
    patients
        Whose each test case is.
    resamples, seed
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Rows of `tables.SCORES`.
    """
    test = curves[curves["split"] == "test"]
    parts = [curve_areas(test), symmetric_gains(test), curve_points(test), _leaks(leaks), _costs(costs, patients)]
    parts += [one.melt([*_MAP, "patient"], var_name="score") for one in (maps, faithfulness)]
    columns = [*_CELL, "score", "patient", "value"]
    values = pd.concat([one.reindex(columns=columns).astype({"value": float}) for one in parts])
    rows = []
    for key, group in values.groupby([*_CELL, "score"], sort=True, dropna=False):
        known = group["value"].dropna().to_numpy()
        unreached = key[-1] in ENOUGH.values() and len(known) < len(group)
        row = dict(zip([*_CELL, "score"], key, strict=True)) | {"unit": COSTS.get(key[-1], "1"), "patients": len(known)}
        if len(known) and not unreached:
            low, high = mean_interval(known, resamples, seed)
            row |= {"mean": known.mean(), "low": low, "high": high}
        rows.append(row)
    return pd.DataFrame(rows, columns=tables.SCORES.names)


def curve_areas(test: pd.DataFrame) -> pd.DataFrame:
    """The scores of each patient that are areas under its curves (rows of `tables.CURVES`)."""
    by_order = areas(test).pivot(index=[*_CELL, "patient"], columns="order", values="area")
    wide = pd.DataFrame(
        {f"{order}_area": by_order.get(order) for order in ("kept_first", "removed_first")}, by_order.index
    )
    wide["area_difference"] = wide["kept_first_area"] - wide["removed_first_area"]
    return wide.dropna(axis=1, how="all").melt(var_name="score", ignore_index=False).reset_index()


def symmetric_gains(test: pd.DataFrame) -> pd.DataFrame:
    """The symmetric relevance gain of each patient (rows of `tables.CURVES`)."""
    shown = test.dropna(subset="agreement").assign(visibility=test["visibility"].round(9))
    if shown["order"].nunique() < 2:
        return pd.DataFrame(columns=[*_CELL, "patient", "score", "value"])
    wide = shown.pivot(index=[*_CELL, "patient", "visibility"], columns="order", values="agreement")
    whole = wide.index.get_level_values("visibility").isin([0, 1])  # where both orders show the same image
    wide[whole] = wide[whole].bfill(axis=1).ffill(axis=1)
    rows = []
    for key, both in wide.dropna().groupby([*_CELL, "patient"], sort=True):
        place = both.index.get_level_values("visibility").to_numpy()
        if len(place) > 2 and {0, 1} <= set(place):
            gain = np.trapezoid(both["kept_first"] - both["removed_first"], place)
            rows.append((*key, "symmetric_relevance_gain", gain))
    return pd.DataFrame(rows, columns=[*_CELL, "patient", "score", "value"])


def curve_points(test: pd.DataFrame) -> pd.DataFrame:
    """The scores of each patient that are read off its curves, kept first."""
    kept = test[test["order"] == "kept_first"].dropna(subset="agreement").sort_values("visibility")
    rows = []
    for key, curve in kept.groupby([*_CELL, "patient"], sort=True):
        place, value = np.log10(curve["visibility"].to_numpy()), curve["agreement"].to_numpy()
        found = {AT[seen]: one for seen, one in zip(curve["visibility"].round(9), value, strict=True) if seen in AT}
        for share, name in ENOUGH.items():
            reached = crossing(place, value, share * value[-1]) if value[-1] > 0 else None
            found[name] = None if reached is None else 10**reached
        rows += [(*key, name, one) for name, one in found.items()]
    return pd.DataFrame(rows, columns=[*_CELL, "patient", "score", "value"])


def _leaks(leaks: pd.DataFrame) -> pd.DataFrame:
    cell, place = [*_MAP, "judge"], ["content", "visibility"]
    means = leaks.groupby([*cell, *place])["leak"].mean().dropna()
    largest = means.loc[means.groupby(cell).idxmax()].index.to_frame(index=False)
    return leaks.merge(largest, on=[*cell, *place]).rename(columns={"leak": "value"}).assign(score="leak")


def _costs(costs: pd.DataFrame, patients: dict[str, str]) -> pd.DataFrame:
    explained = costs[costs["stage"] == "explain"]
    explained = explained.assign(patient=explained["case"].map(patients)).dropna(subset="patient")
    of_patient = explained.groupby([*_MAP, "patient"])
    sums = of_patient[["seconds", "forwards", "backwards", "units"]].sum()
    each = sums.drop(columns="units").div(sums["units"], axis=0).assign(peak_mib=of_patient["peak_mib"].max())
    return each.melt(var_name="score", ignore_index=False).reset_index()
