"""The part of the summary on what a probe finds from masks alone."""

import pandas as pd

from unoise.report.figures import in_order
from unoise.report.markdown import escape, number, table

_INTRO = (
    "A small network, the probe, saw masks alone, without the image, and learned from those of other test patients to "
    "find the organ that the segmenter predicts. The table shows its Dice with that organ, kept first, mean over the "
    "test patients, and in brackets how much of it is gone when it is given the mask of another patient instead. The "
    "number in brackets is what the shape of a mask tells about its patient: near 0 the mask shows and does not tell. "
    "The leak asks networks that were never trained on masks; the probe was, so it finds more."
)
_ALONE = "A hyphen in brackets: that takes four test patients."


def probe_section(probe: pd.DataFrame) -> list[str]:
    """Say what a probe is, and what it found from each explainer's masks.

    Parameters
    ----------
    probe
        Rows of `tables.PROBE`.

    Returns
    -------
    list of str
        Paragraphs and tables in Markdown.
    """
    values = probe.assign(told=probe["dice"] - probe["dice_other"])
    parts = [_INTRO]
    for target, group in values.groupby("target", sort=True):
        means = group.groupby(["explainer", "visibility"])[["dice", "told"]].mean()
        rows = [
            {"explainer": escape(explainer)}
            | {f"{100 * one.Index:g} % visible": _cell(one.dice, one.told) for one in means.loc[explainer].itertuples()}
            for explainer in in_order(means.index.unique("explainer"))
        ]
        parts += [f"**Dice of the probe with {escape(target)}**", table(rows)]
    return [*parts, _ALONE] if values["told"].isna().all() else parts


def _cell(dice: float, told: float) -> str:
    return f"{number(dice, '.2f')} ({number(told, '+.2f')})"
