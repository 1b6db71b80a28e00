"""The voxel of another patient."""

from torch import Tensor
from torch.nn import functional

from unoise.data.units import Units
from unoise.obscurers.base import Obscurer, Surroundings

NEEDS = ("donor",)
LEVEL_GRID = (16, 16)


class Donor(Obscurer):
    """A hidden voxel becomes that of a training patient, from the slice that looks most alike at low resolution."""

    def fill(self, units: Units, around: Surroundings) -> Tensor:
        level = (_thumbnails(units.images) @ _thumbnails(around.donor).T).argmax(1)
        return around.donor[level]


def _thumbnails(images: Tensor) -> Tensor:
    """(N, 1, X, Y) to N centred vectors of length 1, so that products are correlations."""
    small = functional.adaptive_avg_pool2d(images, LEVEL_GRID).flatten(1)
    return functional.normalize(small - small.mean(1, keepdim=True), dim=1)


OBSCURER = Donor
