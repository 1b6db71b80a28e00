"""A labelled region as the target."""

from dataclasses import dataclass

from torch import Tensor

from unoise.data.units import Units
from unoise.targets.base import RegionTarget

SETTINGS = {"label": {"type": "string", "format": "class", "description": "An entry of `classes`: its labelled voxels"}}
NEEDS = ("label",)


@dataclass(frozen=True)
class LabelledRegionTarget(RegionTarget):
    """The voxels that the label gives to a class, be it another one: what the segmenter makes of them."""

    label: int

    def region(self, units: Units, label: Tensor | None) -> Tensor:
        return label == self.label + 1


TARGET = LabelledRegionTarget
