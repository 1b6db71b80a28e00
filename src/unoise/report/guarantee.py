"""The part of the summary on what explanations promise for further patients."""

import pandas as pd

from unoise.report.markdown import count, escape, number, table

_INTRO = (
    "Conformal risk control (Angelopoulos et al. 2022) finds how much must stay visible on the calibration patients, "
    "which were used for nothing else. What is promised: keep this share of each slice's voxels, the most important "
    "first, and the expected loss of agreement is at most the tolerance, on average over patients like these, not for "
    "each patient. The loss is 1 minus agreement, at this share or the worst of all larger ones. *Like these* means "
    "drawn as the calibration patients were: not other scanners or diseases, nor patients in whom the judge finds "
    "nothing."
)
_CELLS = (
    "In the cells: the share that must stay visible; the mean loss there on the test patients ± standard error. Each "
    "cell is a promise of its own; the best of them, picked afterwards, is none."
)


def guarantee_section(guarantees: pd.DataFrame) -> list[str]:
    """Say what is promised of each explainer, and show it by judge and obscurer.

    Parameters
    ----------
    guarantees
        Rows of `tables.GUARANTEE`.

    Returns
    -------
    list of str
        Paragraphs and tables in Markdown.
    """
    if guarantees.empty:
        return ["Nothing can be promised: no slice of a calibration or test patient could be evaluated."]
    parts = [_INTRO, _CELLS]
    for (target, explainer), own in guarantees.groupby(["target", "explainer"], sort=True):
        parts += [f"**{escape(explainer)}, {escape(target)}.** {_said(own)}", _cells(own)]
    return parts


def _said(own: pd.DataFrame) -> str:
    promised = own.dropna(subset="visibility")
    silent = "; ".join(sorted({_nothing(row) for row in own.itertuples() if pd.isna(row.visibility)}))
    if promised.empty:
        return f"Nothing can be promised: {silent}."
    share, tolerance, patients = promised["visibility"].max(), promised["tolerance"].max(), promised["patients"].min()
    said = (
        f"Keep the {100 * share:g} % most important voxels, and the expected loss of agreement is at most "
        f"{tolerance:g}, on average over patients like these ({count(patients, 'calibration patient')}), with every "
        "obscurer and judge below"
    )
    return f"{said} but for some: {silent}." if silent else f"{said}."


def _nothing(row) -> str:
    """Why there is no visibility."""
    if row.patients < row.patients_needed:
        return f"too few patients ({row.patients}, needed {row.patients_needed})"
    return "no visibility keeps the tolerance"


def _cells(own: pd.DataFrame) -> str:
    """A row an obscurer, a column a judge."""
    rows = []
    for obscurer, group in own.groupby("obscurer", sort=True):
        cells = {f"judged by {escape(row.judge)}": _cell(row) for row in group.itertuples()}
        rows.append({"obscurer": escape(obscurer)} | cells)
    return table(rows)


def _cell(row) -> str:
    if pd.isna(row.visibility):
        return _nothing(row)
    error = "" if pd.isna(row.test_standard_error) else f" ± {row.test_standard_error:.3f}"
    return f"{100 * row.visibility:g} %; {number(row.test_loss, '.3f')}{error}"
