"""How near the voxels of an image are to an organ."""

from monai.transforms.utils import distance_transform_edt
from torch import Tensor


def nearness(organ: Tensor) -> Tensor:
    """How far inside (positive) or outside (negative) an organ a voxel is, (N, *S), as ±log(1 + distance in voxels).

    0 everywhere in an image that shows no organ or nothing else.

    Parameters
    ----------
    organ
        (N, *S) of 0 and 1.
    """
    inside, outside = (distance_transform_edt(one) for one in (organ, 1 - organ))
    signed = (inside.log1p() - outside.log1p()).to(organ)
    share = organ.flatten(1).mean(1).reshape(-1, *[1] * (organ.dim() - 1))
    return signed * ((share > 0) & (share < 1))
