"""Control: how bright a voxel is."""

from torch import Tensor

from unoise.data.units import Units
from unoise.explainers.base import Explainer


class Intensity(Explainer):
    """The image itself."""

    def explain(self, units: Units) -> Tensor:
        return units.images[:, 0]


EXPLAINER = Intensity
