"""Partly hidden images: for a judge that is to segment what it can still infer."""

import torch
from monai.networks.layers import GaussianFilter
from torch import Tensor

from unoise.training.augmentations import affine
from unoise.training.fillings import (
    constant,
    log_uniform,
    mixed,
    noise,
    rolled,
    shuffled,
    smooth_field,
    texture,
    uniform,
    zero,
)

TRAINS_WITH = ("zero", "noise", "blur", "donor")
SHARE = 0.5  # of the images
_VISIBILITY = (0.01, 1.0)  # log-uniform
_BLUR = (1.0, 10.0)  # standard deviation in voxels, log-uniform
_OTHERS = 1 / 8  # of the hidden parts show the next image of the batch


def augment(images: Tensor, labels: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Vary images as `affine` does, then hide a random part of half of them; the labels keep all of the organ.

    What is hidden are the voxels where a smooth random field is low. They become zero, a constant, noisy, a smooth
    texture, shuffled tiles of the image, the image rolled or blurred, or another image of the batch.

    Parameters
    ----------
    images, labels
        (N, 1, *S) on any device.
    random
        A generator on the CPU.
    """
    images, labels = affine.augment(images, labels, random)
    filling = mixed(images, dict.fromkeys(KINDS, 1.0), random)
    filling = torch.where(uniform((0, 1), images, random) < _OTHERS, images.roll(1, 0), filling)
    hidden = ~visible_part(images, random) & (uniform((0, 1), images, random) < SHARE)
    return torch.where(hidden, filling, images), labels


def visible_part(images: Tensor, random: torch.Generator) -> Tensor:
    """Where images stay visible, (N, 1, *S), bool: the high part of a smooth field, 1 to 100 % of the voxels."""
    field = smooth_field(images, random)
    voxels = field[0].numel()
    count = (log_uniform(_VISIBILITY, images, random) * voxels).ceil().long().clamp(1, voxels)
    lowest = field.flatten(2).sort(dim=2, descending=True).values.gather(2, count.flatten(2) - 1)
    return field >= lowest.reshape(count.shape)


def blurred(images: Tensor, random: torch.Generator) -> Tensor:
    """The image after a Gaussian of a random width."""
    sigma = log_uniform(_BLUR, images[:1], random).squeeze()
    dims = images.dim() - 2
    return GaussianFilter(dims, [sigma] * dims).to(images.device)(images)


KINDS = (zero, constant, noise, texture, shuffled, rolled, blurred)
AUGMENT = augment
