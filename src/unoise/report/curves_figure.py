"""The figure of agreement, or of Dice, against what is visible or removed."""

from collections.abc import Iterable
from itertools import product
from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator

from unoise.report.figures import COLOURS, ORDERS, Style, plain_ticks, saved_figure, styles
from unoise.statistics.curves import SMALLEST
from unoise.statistics.intervals import mean_interval
from unoise.workflow.names import CONTROL

_FRACTIONS = {"kept_first": "visible fraction (%)", "removed_first": "removed fraction (%)"}
_VALUES = {"agreement": "Agreement with the full image", "dice": "Dice with the label"}


def draw_curves(
    curves: pd.DataFrame,
    out: Path,
    value: str = "agreement",
    *,
    experiment: str,
    resamples: int = 1000,
    seed: int = 0,
) -> None:
    """Draw agreement or Dice of the test patients against the visible (removed first: the removed) fraction.

    A row of axes an order, a column an obscurer; lines are means over patients, bands their 95 % bootstrap
    intervals (none with a single patient). More methods than there are colours are divided among several rows, each
    with all controls.

    Parameters
    ----------
    curves
        Rows of `tables.CURVES` of one model, target and judge.
    out
        The PNG.
    value
        `agreement` or `dice`.
    experiment
        Its name, for the title.
    resamples, seed
        Of the bootstrap.
    """
    test = curves[curves["split"] == "test"].dropna(subset=value)
    orders = [order for order in ORDERS if order in set(test["order"])]
    obscurers = sorted(set(test["obscurer"]))
    look = styles(curves["explainer"])
    if test.empty:
        with saved_figure(out, 7.5, 2) as figure:
            figure.text(0.5, 0.5, "No test patient has a value: there is nothing to draw.", ha="center")
        return
    controls = [key for key in look if key.startswith(CONTROL)]
    methods = [key for key in look if key not in controls]
    groups = np.array_split(methods, max(1, ceil(len(methods) / len(COLOURS))))
    divided = len(groups) > 1
    width = max(7.5, 1.2 + 2.6 * len(obscurers)) + 2 * divided
    with saved_figure(out, width, 1.3 + 2.7 * len(orders) * len(groups)) as figure:
        axes = figure.subplots(len(orders) * len(groups), len(obscurers), squeeze=False, sharey=True)
        for (order, group), row in zip(product(orders, groups), axes, strict=True):
            for obscurer, ax in zip(obscurers, row, strict=True):
                shown = test[(test["order"] == order) & (test["obscurer"] == obscurer)]
                for explainer, rows in shown[shown["explainer"].isin([*group, *controls])].groupby("explainer"):
                    _draw_curve(ax, _points(rows, value, resamples, seed), look[explainer])
                _percent_axis(ax, _FRACTIONS[order])
            row[0].set_ylabel(f"{ORDERS[order]}\n{_VALUES[value]}")
            if divided:
                row[-1].legend(handles=_handles(group, look), loc="upper left", bbox_to_anchor=(1, 1), handlelength=3)
        for obscurer, ax in zip(obscurers, axes[0], strict=True):
            ax.set_title(f"hidden by: {obscurer}")
        figure.suptitle(_title(test, experiment), fontsize=12)
        below = _handles(controls if divided else look, look)
        columns = max(1, min(len(below), int(width / 1.9)))
        figure.legend(handles=below, loc="outside lower center", ncols=columns, handlelength=3)


def _handles(explainers: Iterable[str], look: dict[str, Style]) -> list[Line2D]:
    return [Line2D([], [], label=key, **look[key].line()) for key in explainers]


def _title(test: pd.DataFrame, experiment: str) -> str:
    targets, judges = (", ".join(sorted(set(test[name]))) for name in ("target", "judge"))
    patients = test["patient"].nunique()
    band = "mean and 95 % interval" if patients > 1 else "no interval"
    return f"{experiment}: {targets}, judge {judges}, {patients} test patient{'s' * (patients != 1)} ({band})"


def _points(rows: pd.DataFrame, value: str, resamples: int, seed: int) -> pd.DataFrame:
    """Mean over patients and its interval at each fraction of a curve: columns fraction, mean, low, high."""
    rows = rows.dropna(subset=value)
    fraction = rows["visibility"].where(rows["order"] == "kept_first", 1 - rows["visibility"]).round(9)
    points = [
        (place, values.mean(), *mean_interval(values.to_numpy(), resamples, seed))
        for place, values in rows[value].groupby(fraction)
        if place >= SMALLEST
    ]
    return pd.DataFrame(points, columns=["fraction", "mean", "low", "high"]).astype(float)


def _draw_curve(ax: Axes, points: pd.DataFrame, style: Style) -> None:
    if points.empty:
        return
    percent = 100 * points["fraction"]
    ax.plot(percent, points["mean"], **style.line(), clip_on=False, zorder=3)
    if points["low"].notna().any():
        ax.fill_between(percent, points["low"], points["high"], color=style.colour, alpha=0.14, linewidth=0)


def _percent_axis(ax: Axes, label: str) -> None:
    ax.set_xscale("log")
    ax.set_xlim(100 * SMALLEST, 100)
    ax.set_ylim(0, 1)
    ax.xaxis.set_major_locator(FixedLocator([1, 2, 5, 10, 20, 50, 100]))
    plain_ticks(ax, label)
    ax.grid(color="#E3E3E3", linewidth=0.6)
