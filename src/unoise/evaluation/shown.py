"""The units of a case that are evaluated."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from unoise.data.units import Units, on_grid, read_parts, read_units
from unoise.evaluation.masks import ranks, tie_breakers
from unoise.targets.class_target import ClassTarget

FILES = ("image", "label", "prediction_original", "importance")


@dataclass(frozen=True)
class Shown:
    """Those units of a case in which the label or the segmenter's clean prediction has enough of the target.

    Attributes
    ----------
    keep
        A bool for every unit of the case: whether it is among them.
    units
        The units (N) themselves.
    labelled
        The labelled organ (N, *S), bool.
    importance
        (N, *S).
    """

    keep: Tensor
    units: Units
    labelled: Tensor
    importance: Tensor

    def places(self, seed: int, shape: tuple[int, ...] | None = None) -> Tensor:
        """The places (N, *S) of the voxels in descending importance, by default on the own grid; see `ranks`."""
        fields = (self.importance, tie_breakers(self.units, seed))
        return ranks(*(on_grid(one[:, None], shape or one.shape[1:])[:, 0] for one in fields))

    def largest(self, target: ClassTarget, count: int) -> "Shown":
        """Those `count` units with most of the predicted target, in the order of the volume."""
        voxels = target.predicted(self.units.probabilities).flatten(1).sum(1)
        chosen = torch.zeros_like(voxels, dtype=torch.bool)
        chosen[voxels.argsort(descending=True, stable=True)[:count]] = True
        keep = self.keep.clone()
        keep[self.keep] = chosen
        return Shown(keep, self.units.select(chosen), self.labelled[chosen], self.importance[chosen])


def read_shown(
    case: str, files: dict[str, Path], target: ClassTarget, min_voxels: int, device: torch.device, dims: int
) -> Shown:
    """Read the units of a case that are evaluated.

    Parameters
    ----------
    files
        Its `FILES`: preprocessed `image` and `label`, the segmenter's `prediction_original`, the `importance` map.
    min_voxels
        What is enough of the target in a unit.
    dims
        Of a unit.
    """
    units, _ = read_units(case, files["image"], files["prediction_original"], device, dims)
    label, importance = (read_parts(files[name], case, device, dims)[0][:, 0] for name in ("label", "importance"))
    keep = evaluated(target, units.probabilities, label, min_voxels)
    return Shown(keep, units.select(keep), target.labelled(label[keep]), importance[keep])


def evaluated(target: ClassTarget, probabilities: Tensor, label: Tensor, min_voxels: int) -> Tensor:
    """Units (N,), bool, in which the label or the clean prediction has at least `min_voxels` of the target."""
    predicted = target.predicted(probabilities).flatten(1).sum(1)
    labelled = target.labelled(label).flatten(1).sum(1)
    return torch.maximum(predicted, labelled) >= min_voxels
