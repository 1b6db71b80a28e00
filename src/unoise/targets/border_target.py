"""The border of the predicted organ as the target."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from unoise.data.units import Units
from unoise.targets.base import RegionTarget

SETTINGS = {
    "inner_mm": {"type": "number", "minimum": 0, "default": 0, "description": "How far the shell reaches inwards"},
    "outer_mm": {"type": "number", "minimum": 0, "default": 0, "description": "How far it reaches outwards"},
}
ROUNDING_MM = 1e-3  # voxel sizes are stored in single precision


@dataclass(frozen=True)
class BorderTarget(RegionTarget):
    """A shell about the border: organ within `inner_mm` of what is none, and the rest within `outer_mm` of the organ.

    Distances are between the centres of voxels, in mm, within the unit: in a slice, or in the volume.
    """

    inner_mm: float
    outer_mm: float

    def region(self, units: Units, label: Tensor | None) -> Tensor:
        organs = self.predicted(units.probabilities)
        shells = np.stack([self._shell(organ, units.spacing) for organ in organs.cpu().numpy()])
        return torch.from_numpy(shells).to(organs.device)

    def _shell(self, organ: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
        if organ.all() or not organ.any():
            return np.zeros_like(organ)
        sides = ((organ, self.inner_mm), (~organ, self.outer_mm))
        near = [side & (distance_transform_edt(side, spacing) <= reach + ROUNDING_MM) for side, reach in sides]
        return near[0] | near[1]


TARGET = BorderTarget
