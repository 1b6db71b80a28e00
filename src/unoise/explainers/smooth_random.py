"""Control: smooth random hills, as blobs that happen to lie somewhere."""

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from unoise.compute import normal
from unoise.data.units import Units
from unoise.explainers.base import Context, Explainer

SETTINGS = {
    "scale_mm": {
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": 200,
        "default": 15,
        "description": "Standard deviation of the Gaussian, in mm",
    }
}


class SmoothRandom(Explainer):
    """White noise, seeded by case and unit, after a Gaussian within the unit."""

    def __init__(self, context: Context, scale_mm: float):
        super().__init__(context)
        self.scale_mm = scale_mm

    def explain(self, units: Units) -> Tensor:
        keys = [(self.context.seed, "smooth_random", units.case, index) for index in units.index]
        noise = normal(keys, units.images.shape[2:], torch.device("cpu")).numpy()
        width = [self.scale_mm / size for size in units.spacing]
        smooth = np.stack([gaussian_filter(one, width, mode="wrap") for one in noise])
        return torch.from_numpy(smooth).to(units.images.device)


EXPLAINER = SmoothRandom
