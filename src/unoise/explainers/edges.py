"""Control: how steeply the image changes."""

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from unoise.data.units import Units
from unoise.explainers.base import Context, Explainer

SETTINGS = {
    "scale_mm": {
        "type": "number",
        "exclusiveMinimum": 0,
        "default": 3,
        "description": "Standard deviation of the Gaussian, in mm",
    }
}


class Edges(Explainer):
    """Length of the gradient per mm, within the unit, of the image after a Gaussian."""

    def __init__(self, context: Context, scale_mm: float):
        super().__init__(context)
        self.scale_mm = scale_mm

    def explain(self, units: Units) -> Tensor:
        maps = [_steepness(one, units.spacing, self.scale_mm) for one in units.images[:, 0].cpu().numpy()]
        return torch.from_numpy(np.stack(maps)).to(units.images.device)


def _steepness(image: np.ndarray, spacing: tuple[float, ...], scale_mm: float) -> np.ndarray:
    width = [scale_mm / size for size in spacing]
    along = np.eye(image.ndim, dtype=int).tolist()  # the derivative along one axis after the other
    slopes = [
        gaussian_filter(image, width, order, mode="nearest") / size for order, size in zip(along, spacing, strict=True)
    ]
    return np.linalg.norm(slopes, axis=0)


EXPLAINER = Edges
