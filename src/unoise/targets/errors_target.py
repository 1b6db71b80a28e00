"""The segmenter's own errors as the target."""

from dataclasses import dataclass

from torch import Tensor

from unoise.data.units import Units
from unoise.targets.base import RegionTarget

SETTINGS = {
    "of": {
        "enum": ["false_positive", "missed"],
        "description": "false_positive: voxels predicted and not labelled; missed: labelled and not predicted",
    }
}
NEEDS = ("label",)


@dataclass(frozen=True)
class ErrorsTarget(RegionTarget):
    """The voxels on which the segmenter errs, in one of the two ways: why it marks them, or leaves them out."""

    of: str

    def region(self, units: Units, label: Tensor | None) -> Tensor:
        predicted, labelled = self.predicted(units.probabilities), label == self.channel + 1
        return {"false_positive": predicted & ~labelled, "missed": labelled & ~predicted}[self.of]


TARGET = ErrorsTarget
