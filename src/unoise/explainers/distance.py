"""Control: nearness to the target."""

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from unoise.data.units import Units
from unoise.explainers.base import Explainer


class Distance(Explainer):
    """Minus the distance in mm, within the unit, to the predicted organ, or to the region that is explained.

    0 inside, and where there is none.
    """

    def explain(self, units: Units) -> Tensor:
        outside = ~self.context.target.place(units.probabilities).cpu().numpy()
        maps = [_nearness(one, units.spacing) for one in outside]
        return torch.from_numpy(np.stack(maps)).float().to(units.images.device)


def _nearness(outside: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    return np.zeros(outside.shape) if outside.all() else -distance_transform_edt(outside, sampling=spacing)


EXPLAINER = Distance
