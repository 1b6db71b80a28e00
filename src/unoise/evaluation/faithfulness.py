"""Infidelity and sensitivity of explanations of a segmentation (Yeh et al. 2019, arXiv 1901.09392).

What is explained there is one number of a prediction. Here it is the target's soft agreement with the clean prediction.
"""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from unoise import tables
from unoise.compute import choose, generator
from unoise.data.units import Units
from unoise.evaluation.shown import read_shown
from unoise.explainers.base import Explainer, make_explainer
from unoise.networks.interpreter import Interpreter
from unoise.networks.segmenter import Segmenter
from unoise.targets.base import Target, make_target

SMALLEST_SIDE, LARGEST_SIDE = 1 / 16, 1 / 4  # of a hidden square, as shares of the unit's side


def measure_faithfulness(
    settings: dict,
    segmenter: Path,
    interpreter: Path | None,
    references: list[Path],
    atlas: Path | None,
    keys: list[dict[str, str]],
    files: dict[str, list[Path]],
    out: Path,
    compute: dict,
) -> None:
    """Measure an explainer on those units of each case in which most of the target is predicted.

    Parameters
    ----------
    settings
        What `EvaluationPlan.measurement_settings` gives.
    segmenter, interpreter
        Model files; `interpreter` is None where the explainer needs none.
    references, atlas
        What `make_explainer` takes, where the explainer needs it.
    keys, files
        Key columns of each case; of each what `read_shown` reads, and what `Explainer.begin` is given.
    out
        For rows of `tables.FAITHFULNESS`, means over a patient's units.
    compute
        The config's `compute`.
    """
    where = choose(compute, compute["case_threads"])
    model = Segmenter.load(segmenter, where)
    target = make_target(settings["target"], model.classes)
    learned = Interpreter.load(interpreter, where) if interpreter else None
    explainer = make_explainer(settings["explainer"], model, target, learned, where, references, atlas)
    rows = []
    for number, key in enumerate(keys):
        case_files = {name: listed[number] for name, listed in files.items()}
        shown = read_shown(key["case"], case_files, target, settings["min_voxels"], where.device, model.dims)
        shown = shown.largest(target, settings["units"])
        units, maps = shown.units, shown.importance
        explainer.begin(key["case"], case_files)
        found = zip(
            infidelity(model, target, units, maps, settings["perturbations"], settings["seed"]),
            sensitivity(explainer, units, maps, settings["radius"], settings["samples"], settings["seed"]),
            strict=True,
        )
        rows += [{"patient": key["patient"], "infidelity": one, "sensitivity": other} for one, other in found]
    columns = ["patient", "infidelity", "sensitivity"]
    means = pd.DataFrame(rows, columns=columns).groupby("patient", as_index=False, sort=False).mean()
    tables.write(out, tables.FAITHFULNESS, means.assign(**settings["key"])[tables.FAITHFULNESS.names])


def infidelity(
    segmenter: Segmenter, target: Target, units: Units, maps: Tensor, perturbations: int, seed: int
) -> list[float]:
    """How badly a map's sum over what is hidden predicts the drop of soft agreement, a number a unit.

    The perturbation is the paper's square removal: a random square (3D: cube), of a side between `SMALLEST_SIDE` and
    `LARGEST_SIDE` of the unit's shortest, near the target, becomes the mean of the training bodies. The map
    is taken from its smallest value up and times the factor that suits it best, as maps have no common scale; the
    squared error is divided by the mean squared drop. So 0 is best, and 1 no better than an empty map.

    Parameters
    ----------
    maps
        (N, *S).
    perturbations
        Squares a unit; the same ones for all explainers.

    Returns
    -------
    list
        NaN where nothing that is hidden changes the agreement.
    """
    found = []
    for number, place in enumerate(units.index):
        one = units.select(torch.tensor([n == number for n in range(len(units))], device="cpu"))
        hidden = _squares(target.place(one.probabilities)[0].cpu(), perturbations, units.case, place, seed).to(
            one.images.device
        )
        images = torch.where(hidden[:, None], segmenter.body_mean, one.images)
        clean = one.probabilities
        whole = target.agreement(segmenter.probabilities(one.images), clean)
        drop = whole - target.agreement(segmenter.probabilities(images), clean.expand(perturbations, *clean.shape[1:]))
        mass = ((maps[number] - maps[number].min()) * hidden).flatten(1).sum(1)
        found.append(_misfit(mass.double().cpu(), drop.double().cpu()))
    return found


def sensitivity(
    explainer: Explainer, units: Units, maps: Tensor, radius: float, samples: int, seed: int
) -> list[float]:
    """The paper's max-sensitivity: how much the map changes at most when the image hardly does, a number a unit.

    Parameters
    ----------
    maps
        (N, *S), the explainer's for these units.
    radius
        Noise between -radius and radius, in window units, is added to every voxel; the segmenter predicts anew.
    samples
        Noisy copies a unit; the same ones for all explainers.

    Returns
    -------
    list
        The largest norm of a change over the norm of the map about its mean; NaN where the map is constant.
    """
    size = (maps - maps.flatten(1).mean(1).reshape(-1, *[1] * (maps.dim() - 1))).flatten(1).norm(dim=1)
    largest = torch.zeros_like(size)
    for sample in range(samples):
        noise = [_uniform(units.images.shape[1:], units.case, place, sample, seed) for place in units.index]
        images = units.images + radius * torch.stack(noise).to(units.images.device) if noise else units.images
        if len(units):
            predicted = explainer.context.segmenter.probabilities(images)
            located = torch.cat([predicted, units.probabilities[:, predicted.shape[1] :]], dim=1)
            again = replace(units, images=images, probabilities=located)
            largest = largest.maximum((explainer.explain(again) - maps).flatten(1).norm(dim=1))
    return (largest / torch.where(size > 0, size, torch.nan)).tolist()


def _squares(target: Tensor, number: int, case: str, place: int, seed: int) -> Tensor:
    """Masks (number, *S), bool, of squares centred within the bounding box of the target, widened by half its side."""
    drawn = generator(seed, "infidelity", case, place)
    shape = target.shape
    inside = target.nonzero() if target.any() else torch.ones_like(target).nonzero()
    low, high = inside.min(0).values.float(), inside.max(0).values.float()
    margin = (high - low) / 2 + 1
    random = torch.rand(number, len(shape) + 1, generator=drawn, device="cpu")
    centre = low - margin + random[:, :-1] * (high - low + 2 * margin)
    half = min(shape) * (SMALLEST_SIDE + random[:, -1:] * (LARGEST_SIDE - SMALLEST_SIDE)) / 2
    masks = torch.ones(number, *shape, dtype=torch.bool, device="cpu")
    for axis, length in enumerate(shape):
        near = (torch.arange(length, device="cpu") - centre[:, axis : axis + 1]).abs() <= half
        masks &= near.reshape(number, *(length if n == axis else 1 for n in range(len(shape))))
    return masks


def _uniform(shape: tuple[int, ...], case: str, place: int, sample: int, seed: int) -> Tensor:
    drawn = generator(seed, "sensitivity", case, place, sample)
    return 2 * torch.rand(shape, generator=drawn, device="cpu") - 1


def _misfit(mass: Tensor, drop: Tensor) -> float:
    """Mean squared error of the best multiple of `mass` for `drop`, over the mean squared drop."""
    total = (drop**2).sum()
    if total == 0:
        return float("nan")
    factor = (mass * drop).sum() / (mass**2).sum() if mass.any() else 0.0
    return float(((factor * mass - drop) ** 2).sum() / total)
