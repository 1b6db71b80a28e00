"""The visibility from which the expected loss of agreement is bounded, by conformal risk control.

Angelopoulos, Bates, Fisch, Lei and Schuster 2022, "Conformal Risk Control", arXiv 2208.02814.
"""

import math

import pandas as pd

from unoise import tables

_CELL = ["model", "target", "explainer", "judge", "obscurer", "order"]
_ROUNDING = 1e-9


def guarantees(curves: pd.DataFrame, explainers: list[str], tolerance: float) -> pd.DataFrame:
    """Choose a visibility for each explainer, judge and obscurer on the calibration patients, kept first.

    It is the smallest visibility v with n/(n + 1) · R(v) + 1/(n + 1) <= tolerance, where R(v) is the mean of
    `patient_losses` over n calibration patients and 1 the largest loss there is (theorem 1 of the paper). Then the
    expected loss of a further patient, exchangeable with these, is at most the tolerance.

    Parameters
    ----------
    curves
        Rows of `tables.CURVES` of the splits calibration and test; those of other splits are not looked at.
    explainers
        Those that get a guarantee.
    tolerance
        In (0, 1).

    Returns
    -------
    DataFrame
        Rows of `tables.GUARANTEE`; patients without agreement are neither counted nor looked at.
    """
    kept = curves[(curves.order == "kept_first") & curves.explainer.isin(explainers)]
    rows = [
        dict(zip(_CELL, cell, strict=True))
        | _choose(*(patient_losses(group[group.split == split]) for split in ("calibration", "test")), tolerance)
        for cell, group in kept.groupby(_CELL, sort=True)
        if {"calibration", "test"} & set(group.split)
    ]
    return pd.DataFrame(rows, columns=tables.GUARANTEE.names)


def patient_losses(curves: pd.DataFrame) -> pd.DataFrame:
    """Loss of each patient (rows) at each visibility (columns, from the largest): 1 - agreement, or more.

    At a visibility it is the largest 1 - agreement from there up, so that it never grows with visibility, as the method
    requires.

    Parameters
    ----------
    curves
        Rows of `tables.CURVES` of one split, explainer, judge, obscurer and order.
    """
    agreement = curves.pivot(index="patient", columns="visibility", values="agreement").dropna()
    return (1 - agreement).sort_index(axis=1, ascending=False).cummax(axis=1)


def patients_needed(tolerance: float) -> int:
    """The fewest calibration patients with which a tolerance can be kept: those with 1/(n + 1) <= tolerance."""
    return math.ceil(1 / tolerance - _ROUNDING) - 1


def _choose(calibration: pd.DataFrame, test: pd.DataFrame, tolerance: float) -> dict:
    patients = len(calibration)
    found = {
        "tolerance": tolerance,
        "patients": patients,
        "patients_needed": patients_needed(tolerance),
        "test_patients": len(test),
    }
    bound = (calibration.sum() + 1) / (patients + 1)
    held = bound[bound <= tolerance + _ROUNDING]
    if held.empty:
        return found
    visibility = held.index.min()
    found |= {"visibility": visibility, "bound": held[visibility]}
    if test.empty:
        return found
    loss = test[visibility]
    return found | {"test_loss": loss.mean(), "test_standard_error": loss.sem()}
