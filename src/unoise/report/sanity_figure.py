"""The figure of how alike maps stay when the segmenter's weights become random."""

from pathlib import Path

import pandas as pd
from matplotlib.lines import Line2D

from unoise.report.figures import saved_figure, styles
from unoise.statistics.sanity import SAME


def draw_sanity(sanity: pd.DataFrame, out: Path) -> None:
    """Draw the mean rank correlation with the original map, by stage and at the right for permuted labels.

    A line an explainer; one whose interpreter was trained again has points alone.

    Parameters
    ----------
    sanity
        Rows of `tables.SANITY` of one model and target.
    out
        The PNG.
    """
    look = styles(sanity["explainer"])
    last = int(sanity["stage"].max())
    labels = {0: "none"} | {stage: f"{stage} of {last}" for stage in range(1, last + 1)}
    permuted = (sanity["check"] == "permuted").any()
    if permuted:
        labels[last + 1] = "permuted\nlabels"
    sanity = sanity.assign(place=sanity["stage"].fillna(last + 1))
    means = sanity.groupby(["explainer", "place"])["rank_correlation"].mean()
    with saved_figure(out, max(7.5, 1.3 * len(labels)), 4.6) as figure:
        ax = figure.subplots()
        for explainer, style in look.items():
            own = means[explainer].dropna()
            apart = style.line() | {"linestyle": "none", "marker": style.marker or "o"}
            line = own[own.index <= last]
            ax.plot(line.index, line, **(style.line() if len(line) > 1 else apart), clip_on=False)
            ax.plot(own.index[own.index > last], own[own.index > last], **apart, clip_on=False)
        ax.axhline(SAME, color="#B4B4B4", linewidth=0.8)
        ax.set_xticks(list(labels), labels.values(), fontsize=8)
        ax.set_ylim(min(0, means.min()) if means.notna().any() else 0, 1)
        ax.set_xlabel("what of the weights is random, from the output on")
        ax.set_ylabel("Rank correlation with the original map")
        ax.set_title(f"Above {SAME} on the right: much the same map whatever the segmenter has learned")
        handles = [Line2D([], [], label=key, **style.line()) for key, style in look.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 4), handlelength=3)
