"""Voxel counts pooled into one curve a patient, and the area under it."""

import numpy as np
import pandas as pd

from unoise import tables

SMALLEST = 0.01
_KEY = [name for name in tables.CURVES.names if name not in ("visibility_body", "dice", "agreement")]
_COUNTS = ["body", "visible_body", "label", "clean", "obscured", "obscured_label", "obscured_clean"]


def patient_curves(metrics: pd.DataFrame) -> pd.DataFrame:
    """Dice and agreement of each patient at each visibility, pooled over the patient's cases, units and repeats.

    Parameters
    ----------
    metrics
        Rows of `tables.METRICS`.

    Returns
    -------
    DataFrame
        Rows of `tables.CURVES`.
    """
    pooled = metrics.groupby(_KEY, as_index=False, sort=True)[_COUNTS].sum()
    pooled["visibility_body"] = pooled.visible_body / pooled.body
    pooled["dice"] = (2 * pooled.obscured_label / (pooled.obscured + pooled.label)).where(pooled.label > 0)
    pooled["agreement"] = (2 * pooled.obscured_clean / (pooled.obscured + pooled.clean)).where(pooled.clean > 0)
    return pooled[tables.CURVES.names]


def areas(curves: pd.DataFrame) -> pd.DataFrame:
    """Area under each patient's agreement over log10 of the visible (removed first: removed) fraction, in [0, 1].

    The trapezoidal rule from 1 to 100 %; patients without a clean prediction have none.

    Returns
    -------
    DataFrame
        Columns model, target, explainer, patient, split, judge, obscurer, order, area.
    """
    key = ["model", "target", "explainer", "patient", "split", "judge", "obscurer", "order"]
    shown = curves.dropna(subset="agreement")
    fraction = shown.visibility.where(shown.order == "kept_first", 1 - shown.visibility).round(9)
    shown = shown.assign(fraction=fraction)[fraction >= SMALLEST].sort_values("fraction")
    rows = [
        (*names, log_area(one.fraction.to_numpy(), one.agreement.to_numpy()))
        for names, one in shown.groupby(key, sort=True)
    ]
    return pd.DataFrame(rows, columns=[*key, "area"])


def log_area(fraction: np.ndarray, value: np.ndarray) -> float:
    """Mean of a curve over log10 of a fraction, between its smallest and its largest fraction."""
    place = np.log10(fraction)
    return float(np.trapezoid(value, place) / (place[-1] - place[0]))


def crossing(place: np.ndarray, value: np.ndarray, level: float) -> float | None:
    """The place, in ascending ones, at which a curve first reaches a level, between its points by a line; else None."""
    if not (value >= level).any():
        return None
    first = int(np.argmax(value >= level))
    if first == 0:
        return float(place[0])
    return float(np.interp(level, value[first - 1 : first + 1], place[first - 1 : first + 1]))
