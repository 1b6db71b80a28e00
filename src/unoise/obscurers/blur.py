"""The voxel itself after a Gaussian."""

import torch
from monai.networks.layers import GaussianFilter
from torch import Tensor

from unoise.data.units import Units
from unoise.obscurers.base import Obscurer, Surroundings

SETTINGS = {
    "sigma_mm": {
        "type": "number",
        "exclusiveMinimum": 0,
        "default": 18,
        "description": "Standard deviation of the Gaussian in mm, within the unit",
    }
}


class Blur(Obscurer):
    """A hidden voxel becomes the Gaussian average around it; beyond the image lies air."""

    def __init__(self, sigma_mm: float):
        self.sigma_mm = sigma_mm

    def fill(self, units: Units, around: Surroundings) -> Tensor:
        images = units.images
        sigma = [torch.tensor(self.sigma_mm / size, device=images.device) for size in units.spacing]
        return GaussianFilter(len(sigma), sigma).to(images.device)(images)


OBSCURER = Blur
