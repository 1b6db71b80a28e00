"""A whole class as the target."""

import torch
from torch import Tensor

from unoise.data.units import Units
from unoise.targets.base import Target, soft_dice


class ClassTarget(Target):
    """One class of the segmenter: its place is the predicted organ, and false marks anywhere in the unit count."""

    def locate(self, units: Units, label: Tensor | None) -> Units:
        return units

    def place(self, clean: Tensor) -> Tensor:
        return self.predicted(clean)

    def voxels(self, units: Units, label: Tensor) -> Tensor:
        """Those of the predicted organ or, where they are more, of the labelled one."""
        found = (self.place(units.probabilities), self.labelled(label))
        return torch.maximum(*(one.flatten(1).sum(1) for one in found))

    def labelled(self, label: Tensor) -> Tensor:
        return label == self.channel + 1

    def scalar(self, logits: Tensor, clean: Tensor) -> Tensor:
        """The sum of the class's logits over the predicted organ."""
        return (self.evidence(logits) * self.place(clean)).flatten(1).sum(1)

    def agreement(self, probabilities: Tensor, clean: Tensor) -> Tensor:
        return soft_dice(self.probability(probabilities), self.place(clean).float())

    def kept(self, decided: Tensor, clean: Tensor, place: Tensor) -> Tensor:
        return decided


TARGET = ClassTarget
