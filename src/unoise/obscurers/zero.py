"""The floor of the window (air)."""

import torch
from torch import Tensor

from unoise.data.units import Units
from unoise.obscurers.base import Obscurer, Surroundings


class Zero(Obscurer):
    """A hidden voxel becomes 0 in window units."""

    def fill(self, units: Units, around: Surroundings) -> Tensor:
        return torch.zeros_like(units.images)


OBSCURER = Zero
