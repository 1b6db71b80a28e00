"""The two figures of the U-Noise paper, redrawn from our table, with baselines and controls on the same axes.

Behind ours lie the published numbers, in `published_curves.csv`: the results that the authors of arXiv 2101.05791
publish with their code, decoded. They were measured on the pancreas of the Medical Segmentation Decathlon (MSD), on the
authors' validation slices, where Dice with nothing hidden is 0.811.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MultipleLocator, NullLocator

from unoise.report.figures import Style, in_order, saved_figure, styles
from unoise.workflow.names import CONTROL

PUBLISHED = "published (MSD pancreas)"
STARTS = {False: "from scratch", True: "pretrained"}
_DASHES = {False: "-", True: (0, (3.2, 1.6))}
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_START_COLOURS = {False: "#0072B2", True: "#D55E00"}
_GREY = "#6E6E6E"
_PALE = 0.4
_MARKER_SIZE = 2.6
_NEAR_HALF = 0.1
_GRID = {"color": "#E3E3E3", "linewidth": 0.6}


@dataclass(frozen=True)
class Line:
    """A line of a figure.

    Attributes
    ----------
    label
        Its name.
    points
        Columns visibility (0 to 1) and dice, sorted by visibility.
    style
        How it is drawn.
    """

    label: str
    points: pd.DataFrame
    style: Style


def published_curves() -> pd.DataFrame:
    """Read the published numbers: a row an interpreter and threshold.

    Returns
    -------
    DataFrame
        Columns interpreter, pretrained, parameters, dice_at_half_visibility (the same in all rows of an interpreter),
        threshold, visibility and dice.
    """
    with (files("unoise.report") / "published_curves.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)


def size_names(parameters: Iterable[int]) -> dict[int, str]:
    """Name of each size of interpreters, ascending: the paper's where it has one, else the count of parameters."""
    published = published_curves().set_index("parameters")["interpreter"].to_dict()
    return {size: published.get(size, f"{size:,} parameters") for size in sorted(set(parameters))}


def interpreters(protocol: pd.DataFrame) -> pd.DataFrame:
    """List the interpreters among explainers.

    Parameters
    ----------
    protocol
        Rows of `tables.PAPER_PROTOCOL` or `tables.PROTOCOLS`.

    Returns
    -------
    DataFrame
        Columns explainer, parameters and pretrained; a row an interpreter, by size, those from scratch first.
    """
    found = protocol.loc[protocol["parameters"].notna(), ["explainer", "parameters", "pretrained"]]
    found = found.astype({"parameters": int, "pretrained": bool}).drop_duplicates()
    return found.sort_values(["parameters", "pretrained", "explainer"], ignore_index=True)


def measured_lines(protocol: pd.DataFrame) -> list[Line]:
    """Lines of our explainers in the order of the legend: interpreters by size, baselines, controls.

    Interpreters of the same size and start share colour and dash; their labels and markers tell them apart.

    Parameters
    ----------
    protocol
        Rows of `tables.PAPER_PROTOCOL` of one model, target and protocol.
    """
    learned = interpreters(protocol)
    colours, others = _styles(protocol)
    names = size_names(learned["parameters"])
    lines = []
    for (size, pretrained), group in learned.groupby(["parameters", "pretrained"]):
        label = f"{names[size]}, {STARTS[pretrained]}"
        for place, explainer in enumerate(group["explainer"]):
            style = Style(colours[size], _DASHES[pretrained], _MARKERS[place % len(_MARKERS)], 1.9)
            own = label if len(group) == 1 else f"{label}: {explainer}"
            lines.append(Line(own, _points(protocol[protocol["explainer"] == explainer]), style))
    for explainer, style in others.items():
        points = _points(protocol[protocol["explainer"] == explainer])
        lines.append(Line(explainer, points, replace(style, width=1.2)))
    return lines


def published_lines(protocol: pd.DataFrame) -> list[Line]:
    """Published lines of the interpreters that have our interpreters' sizes and starts, in the same colours and dashes.

    Parameters
    ----------
    protocol
        Rows of `tables.PAPER_PROTOCOL` of one model, target and protocol.
    """
    colours, _ = _styles(protocol)
    ours = set(interpreters(protocol)[["parameters", "pretrained"]].itertuples(index=False, name=None))
    lines = []
    for (size, pretrained), rows in published_curves().groupby(["parameters", "pretrained"]):
        if (size, pretrained) in ours:
            style = Style(colours[size], _DASHES[pretrained], "", 1.0)
            lines.append(Line(f"{rows['interpreter'].iloc[0]}, {STARTS[pretrained]}", _points(rows), style))
    return lines


def _points(rows: pd.DataFrame) -> pd.DataFrame:
    """Points of a line; rows without a threshold stand for half visibility and belong to no line."""
    points = rows.dropna(subset=["threshold", "visibility", "dice"])
    return points.sort_values(["visibility", "threshold"])[["visibility", "dice"]].reset_index(drop=True)


def _styles(protocol: pd.DataFrame) -> tuple[dict[int, str], dict[str, Style]]:
    """Colours of the sizes, and styles of the explainers that are no interpreters, in other colours than these."""
    learned = interpreters(protocol)
    # `styles` begins with what is called u-noise.
    sizes = {f"u-noise {size:015d}": size for size in learned["parameters"]}
    others = set(protocol["explainer"]) - set(learned["explainer"])
    found = styles([*sizes, *others])
    return {size: found[key].colour for key, size in sizes.items()}, {key: found[key] for key in in_order(others)}


def draw_paper_curves(protocol: pd.DataFrame, out: Path, *, experiment: str) -> None:
    """Draw the paper's Figure 1: Dice against the visible fraction of the image.

    Parameters
    ----------
    protocol
        Rows of `tables.PAPER_PROTOCOL` of one model, target and protocol.
    out
        The PNG.
    experiment
        Its name, for the title.
    """
    measured = [line for line in measured_lines(protocol) if len(line.points)]
    if not measured:
        _say(out, "No slice shows the target: there is nothing to draw.")
        return
    published = published_lines(protocol)
    with saved_figure(out, 8.67, max(4.8, 1 + 0.24 * len(measured))) as figure:
        ax = figure.subplots()
        for line in published:
            _draw(ax, line, alpha=_PALE, zorder=2)
        for place, line in enumerate(reversed(measured)):
            _draw(ax, line, markersize=_MARKER_SIZE, zorder=3 + place)
        ax.set_xlim(0, 100)
        ax.set_ylim(0, 1)
        ax.xaxis.set_major_locator(MultipleLocator(10))
        ax.yaxis.set_major_locator(MultipleLocator(0.1))
        ax.set_xlabel("visible fraction of the image (%)")
        ax.set_ylabel("Dice with the label")
        ax.grid(**_GRID)
        ax.set_title(_title(protocol, experiment), loc="left")
        handles = [
            Line2D([], [], label=line.label, **line.style.line() | {"markersize": _MARKER_SIZE}) for line in measured
        ]
        if published:
            handles.append(Line2D([], [], color=_GREY, linewidth=1, alpha=_PALE, label=PUBLISHED))
        figure.legend(handles=handles, loc="outside right upper", handlelength=4, fontsize=9)


def _draw(ax: Axes, line: Line, **look) -> None:
    ax.plot(100 * line.points["visibility"], line.points["dice"], **(line.style.line() | look), clip_on=False)


def _title(protocol: pd.DataFrame, experiment: str) -> str:
    targets, names, splits = (", ".join(sorted(set(protocol[name]))) for name in ("target", "protocol", "split"))
    return f"{experiment}: {targets}\nprotocol {names}, {protocol['slices'].max():,} {splits} slices"


def _say(out: Path, text: str) -> None:
    with saved_figure(out, 8.67, 2) as figure:
        figure.text(0.5, 0.5, text, ha="center")


def half_visible(protocol: pd.DataFrame) -> pd.DataFrame:
    """Dice of each explainer with half of the image visible.

    One threshold for all slices may leave much more or less visible than half where a map has many equal values, as
    where most of it is 0. Such an explainer is left out: beside the others its Dice would mislead.

    Parameters
    ----------
    protocol
        Rows of `tables.PAPER_PROTOCOL` of one model, target and protocol.

    Returns
    -------
    DataFrame
        Index explainer; columns parameters, pretrained and dice.
    """
    rows = protocol[protocol["threshold"].isna() & ((protocol["visibility"] - 0.5).abs() <= _NEAR_HALF)]
    return rows.dropna(subset="dice").set_index("explainer")[["parameters", "pretrained", "dice"]]


def best_others(protocol: pd.DataFrame) -> dict[str, tuple[str, float]]:
    """Name and Dice at half visibility of the best baseline and of the best control, as far as there are any."""
    half = half_visible(protocol)
    dice = half.loc[half["parameters"].isna(), "dice"].sort_index()
    control = dice.index.str.startswith(CONTROL)
    kinds = {"best baseline": dice[~control], "best control": dice[control]}
    return {kind: (values.idxmax(), values.max()) for kind, values in kinds.items() if len(values)}


def apart(values: Iterable[float], least: float) -> list[float]:
    """Places of labels near some values, in the order of the values, at least a distance apart."""
    values = np.asarray(list(values), float)
    order = np.argsort(values, kind="stable")
    steps = least * np.arange(len(values))
    places = np.maximum.accumulate(values[order] - steps) + steps
    # Pushed up only: go back down by half of the largest push, which keeps the distances.
    places -= (places - values[order]).max(initial=0) / 2
    return places[np.argsort(order)].tolist()


def draw_paper_sizes(protocol: pd.DataFrame, out: Path, *, experiment: str) -> None:
    """Draw the paper's Figure 2: Dice with half of the image visible against the interpreter's number of parameters.

    Where several interpreters have the same size and start, the line runs through their mean.

    Parameters
    ----------
    protocol
        Rows of `tables.PAPER_PROTOCOL` of one model, target and protocol.
    out
        The PNG.
    experiment
        Its name, for the title.
    """
    half = half_visible(protocol)
    ours = half[half["parameters"].notna()].astype({"parameters": int, "pretrained": bool})
    if ours.empty:
        _say(out, "No interpreter was evaluated with half of the image visible: there is nothing to draw.")
        return
    published = published_curves().drop(columns="dice").rename(columns={"dice_at_half_visibility": "dice"})
    published = published.drop_duplicates(["parameters", "pretrained"])
    others = best_others(protocol)
    with saved_figure(out, 8.67, 5) as figure:
        ax = figure.subplots()
        for pretrained, marker in ((False, "o"), (True, "s")):
            look = {"color": _START_COLOURS[pretrained], "linestyle": _DASHES[pretrained], "marker": marker}
            theirs = published[published["pretrained"] == pretrained].sort_values("parameters")
            hollow = {"linewidth": 1, "markersize": 6, "markerfacecolor": "white", "alpha": _PALE}
            label = f"{PUBLISHED}, {STARTS[pretrained]}"
            ax.plot(theirs["parameters"], theirs["dice"], **look, **hollow, label=label, zorder=2)
            own = ours[ours["pretrained"] == pretrained]
            if len(own):
                means = own.groupby("parameters")["dice"].mean()
                ax.plot(means.index, means, **look | {"marker": ""}, linewidth=2, zorder=3)
                ax.plot(own["parameters"], own["dice"], **look | {"linestyle": ""}, markersize=7, zorder=4)
                ax.plot([], [], **look, linewidth=2, markersize=7, label=f"ours, {STARTS[pretrained]}")
        shown = [*ours["dice"], *published["dice"], *(dice for _, dice in others.values())]
        ax.set_ylim(*zoomed(shown))
        _size_axis(ax, [*ours["parameters"], *published["parameters"]])
        _draw_others(ax, others)
        ax.set_ylabel("Dice with the label, half of the image visible")
        ax.grid(axis="y", **_GRID)
        left_out = in_order(set(protocol["explainer"]) - set(half.index))
        note = f"\nno threshold leaves half visible: {', '.join(left_out)}" if left_out else ""
        ax.set_title(_title(protocol, experiment) + note, loc="left")
        handles, labels = ax.get_legend_handles_labels()
        ours_first = sorted(zip(labels, handles, strict=True), key=lambda pair: pair[0].startswith(PUBLISHED))
        labels, handles = zip(*ours_first, strict=True)
        figure.legend(handles, labels, loc="outside lower center", ncols=2, handlelength=4, fontsize=9)


def zoomed(values: Iterable[float]) -> tuple[float, float]:
    """Ends of an axis of Dice that holds some values with a margin and, where it comes near, begins at 0."""
    values = list(values)
    margin = max(0.02, 0.15 * (max(values) - min(values)))
    low, high = min(values) - margin, max(values) + margin
    return (0.0 if low < 0.25 * high else low), min(high, 1.0)


def _size_axis(ax: Axes, sizes: Iterable[int]) -> None:
    """Make x a log axis whose ticks are the sizes themselves, with their names."""
    names = size_names(sizes)
    low, high = min(names) / 1.5, max(names) * 1.5
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.xaxis.set_major_locator(FixedLocator(list(names)))
    ax.xaxis.set_minor_locator(NullLocator())
    rows = label_rows([np.log(size / low) / np.log(high / low) for size in names], 0.1)
    labels = [f"{size:,}" if name.startswith(f"{size:,}") else f"{name}\n{size:,}" for size, name in names.items()]
    ax.set_xticklabels(["\n\n" * row + label for row, label in zip(rows, labels, strict=True)])
    ax.set_xlabel("parameters of the interpreter (log axis)")


def label_rows(places: Iterable[float], least: float) -> list[int]:
    """Row of each label of an axis, from 0: the first row whose last label is at least a distance away."""
    last: list[float] = []
    rows = []
    for place in places:
        free = [row for row, other in enumerate(last) if place - other >= least]
        row = free[0] if free else len(last)
        last[row : row + 1] = [place]
        rows.append(row)
    return rows


def _draw_others(ax: Axes, others: dict[str, tuple[str, float]]) -> None:
    low, high = ax.get_ylim()
    places = apart((dice for _, dice in others.values()), 0.1 * (high - low))
    for (kind, (name, dice)), place in zip(others.items(), places, strict=True):
        ax.axhline(dice, color=_GREY, linewidth=0.9, linestyle=(0, (5, 3)), zorder=1)
        ax.annotate(
            f"{kind}:\n{name}",
            (1, dice),
            (1.02, place),
            xycoords=("axes fraction", "data"),
            textcoords=("axes fraction", "data"),
            va="center",
            color="#4A4A4A",
            fontsize=9,
            annotation_clip=False,
        )
