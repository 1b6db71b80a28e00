"""What all figures share: looks, order and colours of explainers; the figures of costs and of training histories."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from unoise.files import whole_file
from unoise.workflow.names import CONTROL

DPI = 150
ORDERS = {"kept_first": "Kept first (higher is better)", "removed_first": "Removed first (lower is better)"}
_LOOK = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "text.parse_math": False,
}
# Okabe and Ito's colours, which people with any colour vision tell apart.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_GREYS = ("#3C3C3C", "#6E6E6E", "#949494", "#B4B4B4")
_DASHES = ((0, (5, 2)), (0, (1.2, 1.4)), (0, (6, 2, 1, 2)), (0, (3, 1.5)), (0, (3, 1.5, 1, 1.5, 1, 1.5)))


@dataclass(frozen=True)
class Style:
    """How an explainer is drawn in every figure."""

    colour: str
    dash: str | tuple
    marker: str
    width: float

    def line(self) -> dict:
        """Arguments of a line."""
        look = {"color": self.colour, "linestyle": self.dash, "linewidth": self.width}
        return {**look, "marker": self.marker, "markersize": 4}


def in_order(explainers: Iterable[str]) -> list[str]:
    """Explainers once each, as figures and tables list them: U-Noise, others, controls; then by name."""
    return sorted(set(explainers), key=lambda key: (key.startswith(CONTROL), not key.startswith("u-noise"), key))


def styles(explainers: Iterable[str]) -> dict[str, Style]:
    """Style of each explainer: colours and full lines for methods, greys and dashes for controls.

    The same explainers get the same styles, in whatever order and however often they are named.
    """
    given = in_order(explainers)
    methods = [key for key in given if not key.startswith(CONTROL)]
    found = {
        key: Style(COLOURS[place % len(COLOURS)], "-", _MARKERS[place % len(_MARKERS)], 1.8)
        for place, key in enumerate(methods)
    }
    for place, key in enumerate(given[len(methods) :]):
        found[key] = Style(_GREYS[place % len(_GREYS)], _DASHES[place % len(_DASHES)], "", 1.5)
    return found


@contextmanager
def saved_figure(out: Path, width: float, height: float) -> Iterator[Figure]:
    """Yield an empty figure of a size in inches; write it to `out` as PNG when the block ends well."""
    with matplotlib.style.context(["default", _LOOK]):
        figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        with whole_file(out) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None})


def plain_ticks(ax: Axes, label: str) -> None:
    """Write the numbers of a log axis as they are spoken."""
    ax.xaxis.set_major_formatter(FuncFormatter(lambda place, _: f"{place:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(label)


def costs_per_unit(costs: pd.DataFrame) -> pd.DataFrame:
    """Mean costs of explaining one unit, by explainer.

    Parameters
    ----------
    costs
        Rows of `tables.COSTS`.

    Returns
    -------
    DataFrame
        Index explainer; columns seconds (s), forwards, backwards (passes) and peak_mib (MiB, the largest).
    """
    explain = costs[costs["stage"] == "explain"]
    sums = explain.groupby("explainer")[["seconds", "forwards", "backwards", "units"]].sum()
    each = sums[["seconds", "forwards", "backwards"]].div(sums["units"], axis=0)
    each["peak_mib"] = explain.groupby("explainer")["peak_mib"].max()
    return each.loc[in_order(each.index)]


def draw_costs(costs: pd.DataFrame, out: Path, unit: str = "slice") -> None:
    """Draw seconds and forward passes a unit of each explainer as bars on log axes.

    Parameters
    ----------
    costs
        Rows of `tables.COSTS`; those of the stage `explain` are drawn.
    out
        The PNG.
    unit
        What a unit is called.
    """
    each = costs_per_unit(costs)
    colours = [style.colour for style in styles(each.index).values()]
    with saved_figure(out, 9, 1.3 + 0.34 * len(each)) as figure:
        left, right = figure.subplots(1, 2, sharey=True)
        _draw_bars(left, each["seconds"], colours, f"seconds per {unit} (this machine)")
        _draw_bars(right, each["forwards"], colours, f"forward passes of the segmenter per {unit}")
        left.invert_yaxis()
        figure.suptitle("What an explanation costs (log axes)", fontsize=12)


def _draw_bars(ax: Axes, values: pd.Series, colours: list[str], label: str) -> None:
    """Draw one bar a row of `values`, with its number; what is zero has no bar and says none."""
    positive = values[values > 0]
    lowest = 10 ** np.floor(np.log10(positive.min()) - 0.3) if len(positive) else 0.1
    ax.set_xscale("log")
    ax.barh(values.index, (values - lowest).clip(lower=0), left=lowest, color=colours, height=0.72)
    for place, value in enumerate(values):
        text = f"{value:.2g}" if value < 100 else f"{value:,.0f}"
        shown = (max(value, lowest), f" {text}") if value > 0 else (lowest, " none")
        ax.text(shown[0], place, shown[1], va="center", fontsize=9)
    ax.set_xlim(lowest, 10 * max(positive.max(), lowest) if len(positive) else 10)
    ax.xaxis.set_major_locator(LogLocator(numticks=6))
    plain_ticks(ax, label)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.6)
    ax.set_axisbelow(True)


def draw_history(histories: dict[str, pd.DataFrame], out: Path) -> None:
    """Draw training loss and validation score by epoch, a column of axes a model; the best epoch is marked.

    Parameters
    ----------
    histories
        Rows of `tables.HISTORY`, by the name to show.
    out
        The PNG.
    """
    if not histories:
        with saved_figure(out, 7.5, 2) as figure:
            figure.text(0.5, 0.5, "No model was trained: all weights were given.", ha="center")
        return
    with saved_figure(out, max(5, 3.6 * len(histories)), 5) as figure:
        axes = figure.subplots(2, len(histories), squeeze=False, sharex="col")
        for (name, history), (above, below) in zip(histories.items(), axes.T, strict=True):
            above.set_title(name)
            above.plot(history["epoch"], history["loss"], color=COLOURS[1], marker=".")
            _draw_score(below, history)
            below.set_xlabel("epoch")
            below.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
            for ax in (above, below):
                ax.grid(color="#E3E3E3", linewidth=0.6)
        axes[0, 0].set_ylabel("training loss")
        axes[1, 0].set_ylabel("validation score\n(higher is better)")
        figure.align_ylabels()


def _draw_score(ax: Axes, history: pd.DataFrame) -> None:
    scored = history.dropna(subset="score")
    if scored.empty:
        ax.text(0.5, 0.5, "no validation patients", transform=ax.transAxes, ha="center", color="#6E6E6E")
        ax.set_yticks([])
        return
    best = scored.loc[scored["score"].idxmax()]
    ax.plot(scored["epoch"], scored["score"], color=COLOURS[2], marker=".")
    ax.plot(best["epoch"], best["score"], "o", color=COLOURS[0], label=f"best: epoch {best['epoch']:.0f}")
    ax.legend(loc="lower right", fontsize=9)
