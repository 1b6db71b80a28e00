"""The qualitative panel: one slice a case, with every explainer's map as a heat map over it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.lines import Line2D
from scipy.stats import rankdata

from unoise.report.figures import in_order, saved_figure

_OUTLINES = {"label": ("#56B4E9", "-"), "prediction": ("#F0E442", (0, (2, 1.2)))}
_GREY = Normalize(0, 1)
# The upper end of the ranks is what masks of few per cent show: it gets most of the colours.
_RANKS = PowerNorm(3, 0, 1)
_HEAT, _OPACITY = "inferno", 0.6
_TICKS = {
    0: "hidden first",
    0.5: "top 50 %",
    0.8: "top 20 %",
    0.9: "top 10 %",
    0.95: "top 5 %",
    1: "stays longest",
}
_INCHES = 1.5
_BESIDE = 9


@dataclass(frozen=True)
class PanelRow:
    """One case of the panel; all arrays are (X, Y) with X to the patient's right and Y to the front (RAS+).

    Attributes
    ----------
    case
        Its id.
    level
        Number of the slice in the preprocessed volume.
    image
        Float, window units: 0 and 1 are the ends of the window.
    label, prediction
        Bool: the target as labelled, and as predicted unobscured.
    maps
        `ranks` of the importance in its unit, by explainer.
    spacing
        Voxel size along X and Y, mm.
    """

    case: str
    level: int
    image: np.ndarray
    label: np.ndarray
    prediction: np.ndarray
    maps: dict[str, np.ndarray]
    spacing: tuple[float, float]


def radiological(array: np.ndarray) -> np.ndarray:
    """Turn an axial RAS+ slice (X, Y) into a picture (rows, columns): right at the left, front at the top."""
    return array.T[::-1, ::-1]


def ranks(importance: np.ndarray) -> np.ndarray:
    """Rank of each voxel in its unit, from 0 (hidden first) to 1 (stays longest); ties share a mean rank."""
    return ((rankdata(importance) - 1) / max(1, importance.size - 1)).reshape(importance.shape)


def draw_panel(rows: Sequence[PanelRow], out: Path, unit: str = "slice") -> None:
    """Draw a row a case: the slice with label and prediction outlined, then each explainer's ranks over it.

    More explainers than fit beside each other are divided among several blocks of rows.

    Parameters
    ----------
    rows
        At least one; each with maps of the same explainers.
    out
        The PNG.
    unit
        What the ranks are within.
    """
    explainers = in_order(rows[0].maps)
    blocks = [list(part) for part in np.array_split(explainers, ceil(len(explainers) / _BESIDE))]
    columns = 1 + len(blocks[0])
    tallest = max(row.image.shape[1] * row.spacing[1] / (row.image.shape[0] * row.spacing[0]) for row in rows)
    width = _INCHES * columns + 1.5
    height = ((_INCHES * tallest + 0.05) * len(rows) + 0.4) * len(blocks) + 0.5
    with saved_figure(out, width, height) as figure:
        axes = figure.subplots(len(rows) * len(blocks), columns, squeeze=False)
        for block, lines in zip(blocks, np.split(axes, len(blocks)), strict=True):
            _draw_block(lines, rows, block)
        bar = figure.colorbar(
            ScalarMappable(_RANKS, _HEAT),
            ax=axes,
            ticks=list(_TICKS),
            alpha=_OPACITY,
            aspect=30,
            pad=0.01,
            fraction=0.03,
        )
        bar.ax.set_facecolor("0.4")
        bar.ax.yaxis.set_label_position("left")
        bar.ax.set_yticklabels(_TICKS.values())
        bar.ax.minorticks_off()
        bar.set_label(f"importance:\nrank within the {unit}")
        lines = [Line2D([], [], color=c, linestyle=dash, label=name) for name, (c, dash) in _OUTLINES.items()]
        figure.legend(handles=lines, loc="outside lower left", ncols=2)


def _draw_block(axes: np.ndarray, rows: Sequence[PanelRow], explainers: list[str]) -> None:
    """Draw the cases with some explainers' maps on `axes`, a row a case; axes that are left over stay empty."""
    for row, (first, *others) in zip(rows, axes, strict=True):
        _draw_image(first, row)
        _draw_outlines(first, row)
        first.set_ylabel(f"{row.case}\nslice {row.level}")
        for explainer, ax in zip(explainers, others, strict=False):
            _draw_image(ax, row)
            _draw_map(ax, row.maps[explainer])
        for ax in others[len(explainers) :]:
            ax.set_axis_off()
    for title, ax in zip(["image", *explainers], axes[0], strict=False):
        ax.set_title(_broken(title), fontsize=10)


def _draw_image(ax: Axes, row: PanelRow) -> None:
    _show(ax, row.image, row.spacing[1] / row.spacing[0], cmap="gray", norm=_GREY)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    mark = {"transform": ax.transAxes, "color": "white", "fontsize": 8}
    ax.text(0.02, 0.5, "R", ha="left", va="center", **mark)
    ax.text(0.5, 0.98, "A", ha="center", va="top", **mark)


def _draw_outlines(ax: Axes, row: PanelRow) -> None:
    for name, (colour, dash) in _OUTLINES.items():
        mask = radiological(getattr(row, name))
        if mask.any() and not mask.all():
            ax.contour(mask.astype(float), levels=[0.5], colors=colour, linestyles=[dash], linewidths=0.9)


def _draw_map(ax: Axes, importance: np.ndarray) -> None:
    _show(ax, importance, ax.get_aspect(), cmap=_HEAT, norm=_RANKS, alpha=_OPACITY)


def _show(ax: Axes, array: np.ndarray, aspect: float, **look: object) -> None:
    ax.imshow(radiological(array), aspect=aspect, interpolation="nearest", **look)


def _broken(title: str, length: int = 18) -> str:
    """Break a long title at the hyphen nearest to its middle."""
    places = [place + 1 for place, letter in enumerate(title) if letter == "-"]
    if len(title) <= length or not places:
        return title
    middle = min(places, key=lambda place: abs(place - len(title) / 2))
    return f"{title[:middle]}\n{title[middle:]}"
