"""The figure of where maps look and what the segmenter needs."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from unoise.report.figures import saved_figure, styles
from unoise.statistics.regions import region_means


def draw_regions(necessity: pd.DataFrame, mass: pd.DataFrame, resamples: int, seed: int, out: Path) -> None:
    """Draw a row a region: left its necessity, by obscurer; right the mass of each map in it, an axes a visibility.

    Points are means over the patients who show the region, lines 95 % intervals; a black bar is the region's size.

    Parameters
    ----------
    necessity, mass
        Rows of `tables.REGION_NECESSITY` and `tables.REGION_MASS` of one target.
    resamples, seed
        Of the bootstrap.
    out
        The PNG.
    """
    if necessity.empty:
        with saved_figure(out, 7.5, 2) as figure:
            figure.text(0.5, 0.5, "No region could be hidden: no test patient shows the target.", ha="center")
        return
    needed = region_means(necessity, ["obscurer"], "necessity", resamples, seed)
    regions = list(dict.fromkeys(needed["region"]))
    visibilities, look = sorted(set(mass["visibility"])), styles(mass["explainer"])
    with saved_figure(out, 4.2 + 3.2 * len(visibilities), 1.8 + 0.42 * len(regions)) as figure:
        left, *others = figure.subplots(1, 1 + len(visibilities), sharey=True, squeeze=False)[0]
        obscurers = sorted(set(needed["obscurer"]))
        for place, (name, marker) in enumerate(zip(obscurers, "osD^vPX" * len(obscurers), strict=False)):
            rows = needed[needed["obscurer"] == name]
            _draw(left, rows, regions, _offset(place, len(obscurers)), "black", marker, f"hidden by {name}")
        left.set_xlabel("agreement lost when hidden")
        left.legend(fontsize=8)
        for ax, visibility in zip(others, visibilities, strict=True):
            looked = mass[mass["visibility"] == visibility]
            means = region_means(looked, ["explainer"], "mass", resamples, seed)
            for place, (explainer, style) in enumerate(look.items()):
                rows = means[means["explainer"] == explainer]
                marker = style.marker or "|"
                _draw(ax, rows, regions, _offset(place, len(look)), style.colour, marker, explainer)
            sizes = means.groupby("region")["share"].first()
            ax.vlines(sizes.reindex(regions), np.arange(len(regions)) - 0.42, np.arange(len(regions)) + 0.42, "black")
            ax.set_xlabel(f"share of the top {100 * visibility:g} %")
        left.set_yticks(range(len(regions)), regions)
        left.set_ylim(len(regions) - 0.5, -0.5)
        if others:
            handles, labels = others[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
        figure.suptitle(
            "What the segmenter needs, and where the maps look (black bar: size of the region)", fontsize=11
        )


def _offset(place: int, number: int) -> float:
    return 0.7 * ((place + 0.5) / number - 0.5)


def _draw(
    ax: Axes, rows: pd.DataFrame, regions: list[str], offset: float, colour: str, marker: str, label: str
) -> None:
    known = rows.dropna(subset="mean")
    place = np.array([regions.index(name) for name in known["region"]]) + offset
    ax.plot(known["mean"], place, linestyle="none", marker=marker, color=colour, markersize=4.5, label=label)
    ax.hlines(place, known["low"].astype(float), known["high"].astype(float), colour, linewidth=1.2)
    ax.set_xlim(-0.02, 1.02)
    ax.grid(axis="x", color="#E3E3E3", linewidth=0.6)
