"""Where maps look: in which regions their most important voxels lie."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch

from unoise import tables
from unoise.evaluation.masks import visible
from unoise.evaluation.regions import read_regions
from unoise.evaluation.shown import read_shown
from unoise.targets.base import make_target

_COUNTS = ["voxels", "inside", "visible", "visible_inside"]


def measure_mass(settings: dict, keys: list[dict], files: dict[str, list[Path]], out: Path) -> None:
    """Divide the maps of an explainer among the regions and write rows of `tables.REGION_MASS`, pooled by patient.

    Parameters
    ----------
    settings
        What `RegionPlan.mass_settings` gives.
    keys
        Of each case the key columns case, patient and split, and `values` as `read_regions` takes them.
    files
        Of each case what `read_shown` and `read_regions` read.
    """
    rows = [
        row
        for number, key in enumerate(keys)
        for row in _rows(settings, key, {name: listed[number] for name, listed in files.items()})
    ]
    names = [name for name in tables.REGION_MASS.names if name not in ("share", "mass", "enrichment")]
    counts = pd.DataFrame(rows, columns=[*names, *_COUNTS]).astype(dict.fromkeys(_COUNTS, float))
    pooled = counts.groupby(names, as_index=False, sort=False)[_COUNTS].sum(min_count=1)
    there = pooled["inside"] > 0
    pooled["share"] = pooled["inside"] / pooled["voxels"]
    pooled["mass"] = (pooled["visible_inside"] / pooled["visible"]).where(there)
    pooled["enrichment"] = pooled["mass"] / pooled["share"].where(there)
    tables.write(out, tables.REGION_MASS, pooled[tables.REGION_MASS.names])


def _rows(settings: dict, key: dict, files: dict[str, Path]) -> Iterator[dict]:
    cpu, case = torch.device("cpu"), key["case"]
    target = make_target(settings["target"], settings["classes"])
    shown = read_shown(case, files, target, settings["min_voxels"], cpu, settings["dims"])
    if not len(shown.units):
        return
    places = shown.places(settings["seed"])
    masks = {visibility: visible(places, visibility, "kept_first") for visibility in settings["visibilities"]}
    predicted = target.predicted(shown.units.probabilities)
    fixed = {**settings["key"], "patient": key["patient"], "split": key["split"], "seed": settings["seed"]}
    for region in read_regions(case, files, key["values"], predicted, shown.keep, shown.units.spacing, settings):
        for visibility, mask in masks.items():
            counted = region.count(torch.ones_like(mask), region.inside, mask, mask & region.inside)
            yield fixed | region.key | {"visibility": visibility} | dict(zip(_COUNTS, counted, strict=True))
