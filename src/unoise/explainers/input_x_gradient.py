"""Input × gradient (Shrikumar et al. 2016, arXiv 1605.01713), by Captum."""

from captum.attr import InputXGradient
from torch import Tensor

from unoise.data.units import Units
from unoise.explainers._gradient import attributed
from unoise.explainers.base import Explainer

NEEDS = ("gradient",)


class InputTimesGradient(Explainer):
    """The voxel in window units times its gradient, with its sign: what speaks against the target comes last."""

    @classmethod
    def passes(cls, settings: dict, shape: tuple[int, ...]) -> int:
        return 2

    def explain(self, units: Units) -> Tensor:
        method = InputXGradient(self.context.scalar)
        return attributed(self.context, method.attribute, units.images, units.probabilities)[:, 0]


EXPLAINER = InputTimesGradient
