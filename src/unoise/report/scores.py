"""The part of the summary with the scores beside the area."""

import pandas as pd

from unoise.report.figures import in_order
from unoise.report.markdown import escape, number, table
from unoise.report.unchecked import unchecked_sentence
from unoise.workflow.names import ORIGINAL

_INTRO = (
    "Means over the test patients; `tables/scores.parquet` has their intervals, the other judges and the costs. "
    "*Symmetric relevance gain*: how far the agreement with the most important voxels kept lies above that with them "
    "removed, on average over the visible shares at which both were evaluated; 0 for a map that knows nothing. "
    "*Enough for 90 %* is the visible share with 90 % of the full agreement."
)
_SHAPE_INTRO = (
    "What the maps are like: *sparsity* (Gini index) and *entropy* say how concentrated the values are, which is "
    "neither good nor bad. *Infidelity*: how badly a map predicts what hiding a square costs (0 best, 1 no better "
    "than an empty map). *Sensitivity*: how much it changes when the image hardly does (0: not at all)."
)
_BY_OBSCURER = {
    "symmetric_relevance_gain": ("symmetric relevance gain", "+.2f"),
    "agreement_at_2": ("agreement at 2 %", ".2f"),
    "agreement_at_5": ("at 5 %", ".2f"),
    "agreement_at_10": ("at 10 %", ".2f"),
    "visibility_90": ("enough for 90 %", ".1%"),
    "visibility_95": ("enough for 95 %", ".1%"),
}
_OF_MAPS = {name: (name, ".2f") for name in ("sparsity", "entropy", "infidelity", "sensitivity")}


def scores_section(scores: pd.DataFrame, explainers: dict[str, dict]) -> list[str]:
    """Show the scores of each explanation, judged by the segmenter itself, and what its maps are like.

    Parameters
    ----------
    scores
        Rows of `tables.SCORES`.
    explainers
        Of the config.

    Returns
    -------
    list of str
        Paragraphs and tables in Markdown.
    """
    parts = [_INTRO]
    for (target, obscurer), group in scores[scores["judge"] == ORIGINAL].groupby(["target", "obscurer"], sort=True):
        parts += [f"**{escape(target)}, hidden by {escape(obscurer)}**", _table(group, _BY_OBSCURER)]
    parts.append(_SHAPE_INTRO)
    for target, group in scores[scores["judge"].isna()].groupby("target", sort=True):
        parts += [f"**Maps of {escape(target)}**", _table(group, _OF_MAPS)]
    checked = set(scores.loc[scores["score"] == "infidelity", "explainer"])
    left_out = unchecked_sentence("Infidelity and sensitivity", explainers, checked, "faithfulness")
    return [*parts, *filter(None, [left_out])]


def _table(scores: pd.DataFrame, columns: dict[str, tuple[str, str]]) -> str:
    means = scores.pivot(index="explainer", columns="score", values="mean").reindex(columns=list(columns))
    shown = {name: look for name, look in columns.items() if means[name].notna().any()}
    return table(
        [
            {"explainer": escape(explainer)}
            | {heading: number(means.loc[explainer, name], form) for name, (heading, form) in shown.items()}
            for explainer in in_order(means.index)
        ]
    )
