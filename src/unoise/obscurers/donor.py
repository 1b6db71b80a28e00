"""The voxel of another patient."""

from torch import Tensor
from torch.nn import functional

from unoise.data.units import Units, on_grid
from unoise.obscurers.base import Obscurer, Surroundings

NEEDS = ("donor",)
LEVEL_GRID = 16  # cells along each axis
_POOL = {2: functional.adaptive_avg_pool2d, 3: functional.adaptive_avg_pool3d}


class Donor(Obscurer):
    """A hidden voxel becomes that of a training patient.

    In a slice: from the slice that looks most alike at low resolution. In a volume: from the same share of its height.
    """

    def fill(self, units: Units, around: Surroundings) -> Tensor:
        return on_grid(around.donor[most_alike(units.images, around.donor)], units.images.shape[2:])


def most_alike(images: Tensor, others: Tensor) -> Tensor:
    """Places (N,) among the others (M, 1, *S) of those that look most like the images (N, 1, *S) from afar."""
    return (_thumbnails(images) @ _thumbnails(others).T).argmax(1)


def _thumbnails(images: Tensor) -> Tensor:
    """(N, 1, *S) to N centred vectors of length 1, so that products are correlations."""
    small = _POOL[images.dim() - 2](images, LEVEL_GRID).flatten(1)
    return functional.normalize(small - small.mean(1, keepdim=True), dim=1)


OBSCURER = Donor
