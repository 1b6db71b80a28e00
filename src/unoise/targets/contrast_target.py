"""One class rather than another as the target."""

from dataclasses import dataclass

from torch import Tensor

from unoise.data.units import Units
from unoise.targets.base import RegionTarget

SETTINGS = {"against": {"type": "string", "format": "class", "description": "An entry of `classes`: the other class"}}


@dataclass(frozen=True)
class ContrastTarget(RegionTarget):
    """Where the segmenter says the class and not the other one: what speaks for the one more than for the other.

    The segmenter's classes are independent: the probability of the one and not the other is p (1 - q).
    """

    against: int

    def belief(self, probabilities: Tensor) -> Tensor:
        return self.probability(probabilities) * (1 - probabilities[:, self.against])

    def evidence(self, logits: Tensor) -> Tensor:
        return logits[:, self.channel] - logits[:, self.against]

    def region(self, units: Units, label: Tensor | None) -> Tensor:
        return self.decided(units.probabilities)


TARGET = ContrastTarget
