"""Whether an explainer's map depends on the seed with which its interpreter was trained."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor

from unoise import tables
from unoise.compute import choose
from unoise.evaluation.alike import alike
from unoise.evaluation.masks import tie_breakers
from unoise.evaluation.shown import Shown, read_shown
from unoise.explainers.base import make_explainer
from unoise.networks.interpreter import Interpreter
from unoise.networks.segmenter import Segmenter
from unoise.targets.base import make_target

_COLUMNS = ["patient", "seed", "other_seed", "rank_correlation", "overlap"]


def measure_stability(
    settings: dict,
    segmenter: Path,
    interpreters: list[Path],
    keys: list[dict[str, str]],
    files: dict[str, list[Path]],
    out: Path,
    compute: dict,
) -> None:
    """Make an explainer's maps with its interpreter trained again, and compare each with each and with the first ones.

    Parameters
    ----------
    settings
        What `EvaluationPlan.measurement_settings` gives.
    segmenter
        Model file.
    interpreters
        A model file for each of the `seeds` of the settings.
    keys, files
        Key columns of each case; of each what `read_shown` reads, the first maps among it.
    out
        For rows of `tables.STABILITY`.
    compute
        The config's `compute`.
    """
    where = choose(compute, compute["case_threads"])
    model = Segmenter.load(segmenter, where)
    target = make_target(settings["target"], model.classes)
    again = {
        seed: make_explainer(settings["explainer"], model, target, Interpreter.load(path, where), where)
        for seed, path in zip(settings["seeds"], interpreters, strict=True)
    }
    units = []
    for number, key in enumerate(keys):
        case_files = {name: listed[number] for name, listed in files.items()}
        shown = read_shown(key["case"], case_files, target, settings["min_voxels"], where.device, model.dims)
        maps = {settings["seed"]: shown.importance}
        if len(shown.units):
            maps |= {seed: one.explain(shown.units) for seed, one in again.items()}
            units += [{"patient": key["patient"], **row} for row in compare(shown, maps, settings["seed"])]
        else:
            pairs = combinations((settings["seed"], *again), 2)
            units += [dict(zip(_COLUMNS, (key["patient"], *pair, np.nan, np.nan), strict=True)) for pair in pairs]
    means = pd.DataFrame(units, columns=_COLUMNS).groupby(_COLUMNS[:3], as_index=False, sort=False).mean()
    tables.write(out, tables.STABILITY, means.assign(**settings["key"])[tables.STABILITY.names])


def compare(shown: Shown, maps: dict[int, Tensor], seed: int) -> list[dict]:
    """How alike maps (N, *S) of the same units are: a row a unit and pair of maps.

    Parameters
    ----------
    maps
        By the seed of the training.
    seed
        Of the ties.

    Returns
    -------
    list
        `seed` and `other_seed`, the pair; `rank_correlation` and `overlap` of `alike`, over the unit's voxels.
    """
    fields = tie_breakers(shown.units, seed).flatten(1)
    flat = {one: map_.flatten(1) for one, map_ in maps.items()}
    rows = []
    for one, other in combinations(maps, 2):
        for pair in zip(flat[one], flat[other], fields, strict=True):
            correlation, overlap = alike(*pair)
            rows.append({"seed": one, "other_seed": other, "rank_correlation": correlation, "overlap": overlap})
    return rows
