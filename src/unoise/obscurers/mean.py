"""The mean of the training bodies."""

import torch
from torch import Tensor

from unoise.data.units import Units
from unoise.obscurers.base import Obscurer, Surroundings


class Mean(Obscurer):
    """A hidden voxel becomes the mean of the training bodies, inside and outside of this body."""

    def fill(self, units: Units, around: Surroundings) -> Tensor:
        return torch.full_like(units.images, around.body_mean)


OBSCURER = Mean
