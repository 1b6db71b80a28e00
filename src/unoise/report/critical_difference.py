"""The critical-difference diagram: which explanations differ, when every patient ranks them (Demsar 2006)."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from unoise.report.figures import Style, saved_figure, styles
from unoise.report.markdown import NOT_DISTINGUISHABLE, count
from unoise.statistics.critical_difference import CriticalDifference, critical_difference
from unoise.statistics.intervals import ENOUGH_PATIENTS, LEVEL
from unoise.workflow.names import ORIGINAL

_WIDTH, _ROW = 9.0, 0.24  # inches


def draw_critical_difference(areas: pd.DataFrame, out: Path) -> None:
    """Draw mean ranks over the test patients, kept first, judged by the segmenter; a row of axes an obscurer.

    Thick bars join explanations that cannot be told apart at .05 (Friedman, then Nemenyi).

    Parameters
    ----------
    areas
        From `unoise.statistics.curves.areas`, of one model and target.
    out
        The PNG.
    """
    own = areas[(areas["judge"] == ORIGINAL) & (areas["order"] == "kept_first")]
    found = {name: critical_difference(group) for name, group in own.groupby("obscurer", sort=True)}
    known = {name: one for name, one in found.items() if one}
    if not known:
        text = f"{NOT_DISTINGUISHABLE.capitalize()}: this takes {ENOUGH_PATIENTS} test patients and 3 explanations."
        with saved_figure(out, _WIDTH, 2) as figure:
            figure.text(0.5, 0.5, text, ha="center")
        return
    look = styles(areas["explainer"])
    heights = [_ROW * (_lines(one) + 4.5) for one in known.values()]
    with saved_figure(out, _WIDTH, sum(heights) + 0.5) as figure:
        axes = figure.subplots(len(known), 1, squeeze=False, height_ratios=heights)[:, 0]
        for ax, (obscurer, one) in zip(axes, known.items(), strict=True):
            _draw(ax, one, look)
            said = f"Friedman p {'< 0.001' if one.p < 0.001 else f'{one.p:.3f}'}"
            ax.set_title(f"hidden by: {obscurer} ({count(one.patients, 'test patient')}, {said})", loc="left")
        figure.suptitle("Mean rank by area, kept first (1 is best); bars join what cannot be told apart", fontsize=12)


def _lines(one: CriticalDifference) -> float:
    """Height of a diagram below its axis, in lines: the bars, then the longer side's labels."""
    return 0.5 * len(one.groups()) + (len(one.ranks) + 1) // 2


def _draw(ax: Axes, one: CriticalDifference, look: dict[str, Style]) -> None:
    """Draw one diagram; the vertical unit is a line of text, the axis at 0."""
    number, groups = len(one.ranks), one.groups()
    ax.set_xlim(1 - 0.55 * (number - 1), number + 0.55 * (number - 1))
    ax.set_ylim(-_lines(one) - 1, 3)
    ax.set_axis_off()
    ax.plot([1, number], [0, 0], color="black", linewidth=1)
    for rank in range(1, number + 1):
        ax.plot([rank, rank], [0, 0.25], color="black", linewidth=1)
        ax.text(rank, 0.4, str(rank), ha="center", va="bottom", fontsize=9)
    if one.p < 1 - LEVEL:
        ax.plot([1, 1 + one.difference], [2, 2], color="black", linewidth=1.5, marker="|", markersize=6)
        ax.text(1 + one.difference, 2, f"  critical difference {one.difference:.2f}", va="center", fontsize=9)
    for place, group in enumerate(groups, 1):
        low, high = one.ranks[group[0]], one.ranks[group[-1]]
        ax.plot([low - 0.06, high + 0.06], [-0.5 * place] * 2, color="#444444", linewidth=3.5, solid_capstyle="round")
    first = -0.5 * len(groups) - 1
    half = (number + 1) // 2
    for place, (explainer, rank) in enumerate(one.ranks.items()):
        left = place < half
        line = first - (place if left else number - 1 - place)
        edge, inward = (1 - 0.04 * number, "right") if left else (number + 0.04 * number, "left")
        colour = look[explainer].colour
        ax.plot([rank, rank, edge], [0, line, line], color=colour, linewidth=1.2, clip_on=False)
        ax.plot(rank, 0, "o", color=colour, markersize=5, zorder=3)
        text = f"{explainer} {rank:.1f} " if left else f" {rank:.1f} {explainer}"
        ax.text(edge, line, text, ha=inward, va="center", fontsize=9)
