"""The voxel itself plus white noise."""

from torch import Tensor

from unoise.compute import normal
from unoise.data.units import Units
from unoise.obscurers.base import Obscurer, Surroundings

SETTINGS = {
    "sigma_hu": {
        "type": "number",
        "exclusiveMinimum": 0,
        "default": 400,
        "description": "Standard deviation of the noise in HU, independent on the preprocessed grid",
    }
}


class Noise(Obscurer):
    """A hidden voxel becomes itself plus N(0, sigma²); the sum is not clipped to the window."""

    def __init__(self, sigma_hu: float):
        self.sigma_hu = sigma_hu

    def fill(self, units: Units, around: Surroundings) -> Tensor:
        keys = [(around.seed, "noise", units.case, index) for index in units.index]
        drawn = normal(keys, units.images.shape[1:], units.images.device)
        return units.images + drawn * (self.sigma_hu / (around.window[1] - around.window[0]))


OBSCURER = Noise
