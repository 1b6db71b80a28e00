"""Whether an explainer's map depends on what the segmenter has learned (Adebayo et al. 2018, arXiv 1810.03292)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor

from unoise import tables
from unoise.compute import choose
from unoise.data.nearness import nearness
from unoise.data.units import read_parts
from unoise.evaluation.alike import alike, alike_beside
from unoise.evaluation.masks import tie_breakers
from unoise.evaluation.shown import Shown, read_shown
from unoise.explainers.base import make_explainer
from unoise.networks.interpreter import Interpreter
from unoise.networks.randomise import layers, with_layers_of
from unoise.networks.segmenter import Segmenter
from unoise.targets.base import Target, make_target

CHECKS = RANDOMISED, PERMUTED = "randomised", "permuted"
_GROUPS = ["patient", "check", "stage", "layer"]
_VALUES = ["rank_correlation", "partial_correlation", "overlap"]


@dataclass(frozen=True)
class Changed:
    """A segmenter that has not learned what the explained one has.

    Attributes
    ----------
    check
        `RANDOMISED` or `PERMUTED`.
    stage, layer
        Of the first: the number of the step, from 0, and the deepest layer that is reset, from step 1 on; else None.
    segmenter
        Itself.
    """

    check: str
    stage: int | None
    layer: str | None
    segmenter: Segmenter


def measure_sanity(
    settings: dict,
    segmenter: Path,
    others: dict[str, Path],
    interpreters: dict[str, Path],
    references: Sequence[Path],
    atlas: Path | None,
    keys: list[dict[str, str]],
    files: dict[str, list[Path]],
    out: Path,
    compute: dict,
) -> None:
    """Explain changed segmenters, on the units of each case with most of the predicted target, and compare the maps.

    They are all explained for the region that the original segmenter predicts, so that only what they have learned
    differs, and a segmenter that predicts nothing can be explained. So a map that follows this region, as that of an
    interpreter with an anchor, is alike for all of them by what it was given; `partial_correlation` compares what it
    says beside. Only voxels inside the body are compared, since all maps agree on air.

    Parameters
    ----------
    settings
        What `EvaluationPlan.measurement_settings` gives.
    segmenter
        Model file.
    others
        Model files: the segmenter of random weights as `RANDOMISED` and, where that is asked for, the one that learned
        from permuted labels as `PERMUTED`.
    interpreters
        Model files of interpreters that were trained against these, by the same names; empty where the explainer needs
        none. An interpreter is trained against the wholly randomised segmenter alone: there are no stages before.
    references, atlas
        What `make_explainer` takes, where the explainer needs it.
    keys, files
        Key columns of each case; of each what `read_shown` reads, the original maps among it, its `body`, and what
        `Explainer.begin` is given.
    out
        For rows of `tables.SANITY`.
    compute
        The config's `compute`.
    """
    where = choose(compute, compute["case_threads"])
    original = Segmenter.load(segmenter, where)
    loaded = {check: Segmenter.load(path, where) for check, path in others.items()}
    target = make_target(settings["target"], original.classes)
    cases = []
    for number, key in enumerate(keys):
        case_files = {name: listed[number] for name, listed in files.items()}
        shown = read_shown(key["case"], case_files, target, settings["min_voxels"], where.device, original.dims)
        shown = shown.largest(target, settings["units"])
        body, _ = read_parts(case_files["body"], key["case"], where.device, original.dims)
        cases.append((key["patient"], case_files, shown, body[shown.keep, 0] > 0))
    rows = []
    for one in changed(original, loaded, settings["stages"], cases[0][2].units.images.shape[2:]):
        if interpreters and one.segmenter not in loaded.values():
            continue
        learned = Interpreter.load(interpreters[one.check], where) if interpreters else None
        explainer = make_explainer(settings["explainer"], one.segmenter, target, learned, where, references, atlas)
        for patient, case_files, shown, body in cases:
            row = {"patient": patient, "check": one.check, "stage": one.stage, "layer": one.layer}
            found = [(np.nan,) * len(_VALUES)]
            if len(shown.units):
                explainer.begin(shown.units.case, case_files)
                maps = explainer.explain(shown.units)
                found = compare(shown, maps, body, target, settings["seed"])
            rows += [row | dict(zip(_VALUES, values, strict=True)) for values in found]
    means = pd.DataFrame(rows).groupby(_GROUPS, as_index=False, sort=False, dropna=False)[_VALUES].mean()
    means["stage"] = means["stage"].astype("Int64")
    tables.write(out, tables.SANITY, means.assign(**settings["key"])[tables.SANITY.names])


def changed(
    original: Segmenter, others: dict[str, Segmenter], stages: int, shape: tuple[int, ...]
) -> Iterator[Changed]:
    """The original segmenter with more and more of its layers reset, from the output on; then the other ones.

    Parameters
    ----------
    others
        As for `measure_sanity`; the last stage is the one of random weights itself.
    stages
        In how many steps (fewer where there are fewer layers), of about as many layers each.
    shape
        Of a unit.
    """
    names = layers(original.network, original.windows.patch if original.windows else shape)
    stages = min(stages, len(names))
    for stage in range(stages):
        reset = names[: len(names) * stage // stages]
        layer = reset[-1] if reset else None
        yield Changed(RANDOMISED, stage, layer, with_layers_of(original, others[RANDOMISED].network, reset))
    yield Changed(RANDOMISED, stages, names[-1], others[RANDOMISED])
    if PERMUTED in others:
        yield Changed(PERMUTED, None, None, others[PERMUTED])


def compare(shown: Shown, maps: Tensor, body: Tensor, target: Target, seed: int) -> list[tuple[float, float, float]]:
    """The original maps of some units and others (N, *S), inside the body (N, *S), a triple a unit.

    The rank correlation of `alike`; the partial one of `alike_beside`, given the signed distance to the region that is
    explained and to the predicted organ; the overlap of `alike`. NaN, all of it, where a map is constant or not finite.
    """
    clean, fields = shown.units.probabilities, tie_breakers(shown.units, seed)
    regions = zip(nearness(target.place(clean).float()), nearness(target.predicted(clean).float()), strict=True)
    found = []
    for inside, region, *values in zip(body, regions, shown.importance, maps, fields, strict=True):
        one, other, field = (each[inside] for each in values)
        correlation, overlap = alike(one, other, field)
        beside = alike_beside(one, other, [each[inside] for each in region])
        found.append((correlation, beside, np.nan if np.isnan(correlation) else overlap))
    return found
