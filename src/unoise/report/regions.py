"""The part of the summary on what the segmenter needs and where maps look."""

import pandas as pd

from unoise.report.figures import in_order
from unoise.report.markdown import escape, interval, number, table
from unoise.statistics.regions import region_means

_INTRO = (
    "Regions are labelled structures, bands of distance to the predicted target (inside; its border, up to {border:g} "
    "mm on either side; near, up to {near:g} mm; far) and what is not the patient (outside-body, and in it the table "
    "and burned-in text, as far as plain rules find them). A region's *size* is its share of the {unit}s evaluated. "
    "Regions of different kinds overlap. Means over the test patients who show the region, 95 % intervals over them."
)
_NEEDED = (
    "*Necessity*: how much agreement is lost when this region alone is hidden. It does not depend on any explanation. "
    "Large regions hide more, and hiding one also takes away its outline."
)
_LOOKED = (
    "*Mass*: the share of the {percent:g} % most important voxels of a map that lie in the region; a map that knows "
    "nothing has the region's size there."
)


def regions_section(
    necessity: pd.DataFrame, mass: pd.DataFrame, settings: dict, resamples: int, seed: int, unit: str
) -> list[str]:
    """Show necessity and mass of each region.

    Parameters
    ----------
    necessity, mass
        Rows of `tables.REGION_NECESSITY` and `tables.REGION_MASS`.
    settings
        The config's `regions`.
    resamples, seed
        Of the bootstrap.
    unit
        What a unit is called.

    Returns
    -------
    list of str
        Paragraphs and tables in Markdown.
    """
    if necessity.empty:
        return ["No region could be hidden: no test patient shows the target."]
    parts = [_INTRO.format(border=settings["border_mm"], near=settings["near_mm"], unit=unit), _NEEDED]
    means = region_means(necessity, ["target", "obscurer"], "necessity", resamples, seed)
    parts += [
        part
        for target, group in means.groupby("target", sort=True)
        for part in (f"**What is needed for {escape(target)}**", _needed(group))
    ]
    means = region_means(mass, ["target", "visibility", "explainer"], "mass", resamples, seed)
    for (target, visibility), group in means.groupby(["target", "visibility"], sort=True):
        heading = f"**Where the maps of {escape(target)} look, top {100 * visibility:g} %**"
        parts += [heading, _LOOKED.format(percent=100 * visibility), _looked(group)]
    return parts


def _needed(means: pd.DataFrame) -> str:
    """A row a region, a column an obscurer."""
    return table(
        [
            {"region": escape(region), "kind": kind, "patients": group["patients"].max()}
            | {"size": number(group["share"].iloc[0], ".1%")}
            | {
                f"necessity, hidden by {escape(row.obscurer)}": interval(row.mean, row.low, row.high)
                for row in group.itertuples()
            }
            for (kind, region), group in means.groupby(["kind", "region"], sort=False)
        ]
    )


def _looked(means: pd.DataFrame) -> str:
    """A row a region, a column an explainer."""
    order = in_order(means["explainer"])
    rows = []
    for region, group in means.groupby("region", sort=False):
        one = group.set_index("explainer")
        cells = {escape(key): interval(*one.loc[key, ["mean", "low", "high"]], ".2f") for key in order}
        rows.append({"region": escape(region), "size": number(group["share"].iloc[0], ".1%")} | cells)
    return table(rows)
