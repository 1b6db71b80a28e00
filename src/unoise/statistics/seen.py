"""Which obscurers an explainer has seen: those with which its interpreter trained."""

from collections.abc import Collection, Mapping

import pandas as pd


def mark_seen(rows: pd.DataFrame, trained_with: Mapping[str, Collection[str]]) -> pd.DataFrame:
    """The rows with the column `seen` filled in: True, False, or None for an explainer without an interpreter.

    Parameters
    ----------
    rows
        With the columns explainer and obscurer.
    trained_with
        What the objective of an explainer's interpreter fills images with, by explainer.
    """
    marks = [
        obscurer in trained_with[explainer] if explainer in trained_with else None
        for explainer, obscurer in zip(rows.explainer, rows.obscurer, strict=True)
    ]
    return rows.assign(seen=pd.Series(marks, index=rows.index, dtype=object))
