"""What current segmentation pipelines vary: movements, intensities, noise, sharpness, holes and crops.

Noise and blur as in nnU-Net (Isensee et al. 2021, doi 10.1038/s41592-020-01008-z), stronger; holes as in Cutout
(DeVries and Taylor 2017, arXiv 1708.04552).
"""

import torch
from monai.networks.layers import GaussianFilter
from torch import Tensor

from unoise.training.augmentations import affine
from unoise.training.fillings import log_uniform, uniform

TRAINS_WITH = ("zero", "noise", "blur")
_SHARES = {"noise": 0.3, "blur": 0.15, "holes": 0.25, "crop": 0.3}  # of the images, each drawn for itself
_NOISE = (0.02, 0.6)  # standard deviation in window units, log-uniform
_BLUR = (0.5, 2.0)  # standard deviation in voxels, log-uniform
_HOLES = 3
_HOLE = (0.1, 0.5)  # its sides, as a share of the image's
_CROP = (0.3, 0.8)


def augment(images: Tensor, labels: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Vary images as `affine` does; then some get white noise, some a blur, some holes, and of some a box stays.

    What is cut away is air or one random value, and no organ: the labels are cut too. Boxes lie anywhere, so that where
    something is visible says nothing about the organ.

    Parameters
    ----------
    images, labels
        (N, 1, *S) on any device.
    random
        A generator on the CPU.
    """
    images, labels = affine.augment(images, labels, random)

    def chosen(kind: str) -> Tensor:
        return uniform((0, 1), images, random) < _SHARES[kind]

    sigma, dims = log_uniform(_BLUR, images[:1], random).squeeze(), images.dim() - 2
    images = torch.where(chosen("blur"), GaussianFilter(dims, [sigma] * dims).to(images.device)(images), images)
    noise = torch.randn(images.shape, generator=random, device="cpu").to(images.device)
    images = torch.where(chosen("noise"), images + log_uniform(_NOISE, images, random) * noise, images)
    cut, holes = chosen("crop") & ~_box(images, _CROP, random), chosen("holes")
    for _ in range(_HOLES):
        cut = cut | (holes & _box(images, _HOLE, random))
    value = torch.where(uniform((0, 1), images, random) < 0.5, 0.0, uniform((0, 1), images, random))
    return torch.where(cut, value, images), labels.masked_fill(cut, 0)


def _box(images: Tensor, sides: tuple[float, float], random: torch.Generator) -> Tensor:
    """Voxels of a box anywhere in each image (N, 1, *S), its sides within these shares of the image's."""
    inside = torch.ones_like(images, dtype=torch.bool)
    for axis in range(2, images.dim()):
        side, middle = uniform(sides, images, random), uniform((0, 1), images, random)
        voxels = torch.arange(images.shape[axis], device=images.device) / images.shape[axis]
        voxels = voxels.reshape([-1 if one == axis else 1 for one in range(images.dim())])
        inside = inside & ((voxels - middle).abs() <= side / 2)
    return inside


AUGMENT = augment
