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
        return around.donor[most_alike(units.images, around.donor)]


def most_alike(images: Tensor, others: Tensor) -> Tensor:
    """Places (N,) among the others (M, 1, X, Y) of those that look most like the images (N, 1, X, Y) from afar."""
    return (_thumbnails(images) @ _thumbnails(others).T).argmax(1)


def _thumbnails(images: Tensor) -> Tensor:
    """(N, 1, X, Y) to N centred vectors of length 1, so that products are correlations."""
    small = functional.adaptive_avg_pool2d(images, LEVEL_GRID).flatten(1)
    return functional.normalize(small - small.mean(1, keepdim=True), dim=1)


OBSCURER = Donor
