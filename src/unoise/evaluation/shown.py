"""The units of a case that are evaluated."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from unoise.data.units import Units, on_grid, read_parts, read_units
from unoise.evaluation.masks import ranks, tie_breakers
from unoise.targets.base import Target

FILES = ("image", "label", "prediction_original", "importance")


@dataclass(frozen=True)
class Shown:
    """Those units of a case that have enough of the target, of a class in the label or in the clean prediction.

    Attributes
    ----------
    keep
        A bool for every unit of the case: whether it is among them.
    units
        The units (N) themselves, located.
    labelled
        The labelled organ (N, *S), bool; None where the target is not a class.
    importance
        (N, *S).
    """

    keep: Tensor
    units: Units
    labelled: Tensor | None
    importance: Tensor

    def places(self, seed: int, shape: tuple[int, ...] | None = None) -> Tensor:
        """The places (N, *S) of the voxels in descending importance, by default on the own grid; see `ranks`."""
        fields = (self.importance, tie_breakers(self.units, seed))
        return ranks(*(on_grid(one[:, None], shape or one.shape[1:])[:, 0] for one in fields))

    def largest(self, target: Target, count: int) -> "Shown":
        """Those `count` units with most of the target, in the order of the volume."""
        voxels = target.place(self.units.probabilities).flatten(1).sum(1)
        chosen = torch.zeros_like(voxels, dtype=torch.bool)
        chosen[voxels.argsort(descending=True, stable=True)[:count]] = True
        keep = self.keep.clone()
        keep[self.keep] = chosen
        labelled = None if self.labelled is None else self.labelled[chosen]
        return Shown(keep, self.units.select(chosen), labelled, self.importance[chosen])


def read_shown(
    case: str, files: dict[str, Path], target: Target, min_voxels: int, device: torch.device, dims: int
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
    units = target.locate(units, label)
    keep = target.voxels(units, label) >= min_voxels
    return Shown(keep, units.select(keep), target.labelled(label[keep]), importance[keep])
