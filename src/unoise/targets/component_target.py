"""A connected component of the predicted organ as the target."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from unoise.data.units import Units
from unoise.targets.base import RegionTarget

SETTINGS = {"rank": {"type": "integer", "minimum": 1, "default": 1, "description": "Its place by size, 1: the largest"}}


@dataclass(frozen=True)
class ComponentTarget(RegionTarget):
    """The largest component, or the one after it and so on, of the whole case: slices are put together for it.

    Voxels that touch, be it at a corner, are connected. Of equal components the first in the volume comes first.
    """

    rank: int

    def region(self, units: Units, label: Tensor | None) -> Tensor:
        organ = self.predicted(units.probabilities)
        whole = organ if organ.ndim == 3 else organ[0]  # slices, or the volume
        parts, _ = ndimage.label(whole.cpu().numpy(), ndimage.generate_binary_structure(3, 3))
        by_size = np.argsort(-np.bincount(parts.ravel())[1:], kind="stable") + 1
        chosen = parts == by_size[self.rank - 1] if self.rank <= len(by_size) else np.zeros_like(parts, bool)
        return torch.from_numpy(chosen).to(organ.device).reshape(organ.shape)


TARGET = ComponentTarget
