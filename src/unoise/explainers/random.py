"""Control: white noise."""

from torch import Tensor

from unoise.compute import normal
from unoise.data.units import Units
from unoise.explainers.base import Explainer


class Random(Explainer):
    """Independent normal numbers, seeded by case and unit."""

    def explain(self, units: Units) -> Tensor:
        keys = [(self.context.seed, "random", units.case, index) for index in units.index]
        return normal(keys, units.images.shape[2:], units.images.device)


EXPLAINER = Random
