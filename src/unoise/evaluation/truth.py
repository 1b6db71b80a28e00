"""How well maps find what the segmenter is known to need."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from unoise import tables
from unoise.compute import choose
from unoise.data.units import read_parts
from unoise.evaluation.masks import ranks, tie_breakers
from unoise.evaluation.shown import read_shown
from unoise.networks.segmenter import Segmenter
from unoise.targets.base import make_target

NEEDED = 0.5  # a truth map's value from which a voxel is needed


def measure_truth(
    settings: dict,
    segmenter: Path,
    keys: list[dict[str, str]],
    files: dict[str, list[Path]],
    maps: dict[str, list[Path]],
    out: Path,
    compute: dict,
) -> None:
    """Compare maps with the truth in those evaluated units that show what is needed.

    Parameters
    ----------
    settings
        What `TruthPlan.truth_settings` gives.
    segmenter
        Its model file.
    keys, files
        Key columns of each case; of each what `read_shown` reads, `importance` being the truth: 1 where the segmenter
        needs a voxel, else 0.
    maps
        By explainer, its importance map of each case.
    out
        For rows of `tables.TRUTH`, means over a patient's units.
    compute
        The config's `compute`.
    """
    where = choose(compute, compute["case_threads"])
    model = Segmenter.load(segmenter, where)
    target = make_target(settings["target"], model.classes)
    rows = []
    for number, key in enumerate(keys):
        own = {name: listed[number] for name, listed in files.items()}
        shown = read_shown(key["case"], own, target, settings["min_voxels"], where.device, model.dims)
        needed, fields = shown.importance >= NEEDED, tie_breakers(shown.units, settings["seed"])
        for explainer, listed in maps.items():
            importance = read_parts(listed[number], key["case"], where.device, model.dims)[0][shown.keep, 0]
            found = _scores(importance, ranks(importance, fields), needed)
            rows += [{"explainer": explainer, "patient": key["patient"], **scores} for scores in found]
    columns = ["explainer", "patient", "hit", "mass", "average_precision"]
    by = ["explainer", "patient"]
    means = pd.DataFrame(rows, columns=columns).groupby(by, as_index=False, sort=False).mean()
    tables.write(out, tables.TRUTH, means.assign(**settings["key"])[tables.TRUTH.names])


def _scores(importance: Tensor, places: Tensor, needed: Tensor) -> Iterator[dict[str, float]]:
    for unit, place, inside in zip(importance, places, needed, strict=True):
        if inside.any():
            ordered = inside.flatten()[place.flatten().argsort()]
            yield {
                "hit": float(ordered[0]),
                "mass": mass_inside(unit, inside),
                "average_precision": average_precision(ordered),
            }


def mass_inside(importance: Tensor, needed: Tensor) -> float:
    """The share of a map, above its smallest value, that lies where it is needed; of a flat map that of the area."""
    above = (importance - importance.min()).double()
    above = above if above.any() else torch.ones_like(above)
    return float(above[needed].sum() / above.sum())


def average_precision(ordered: Tensor) -> float:
    """Mean, over the voxels that are needed, of the share of such voxels among those that are as important or more.

    Parameters
    ----------
    ordered
        Whether each voxel is needed, in descending importance; at least one is.
    """
    precision = ordered.double().cumsum(0) / torch.arange(1, len(ordered) + 1, device=ordered.device)
    return float(precision[ordered].mean())
