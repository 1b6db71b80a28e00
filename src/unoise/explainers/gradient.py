"""Vanilla gradient (Simonyan et al. 2014, arXiv 1312.6034), by Captum."""

from torch import Tensor

from unoise.data.units import Units
from unoise.explainers._gradient import gradient
from unoise.explainers.base import Explainer

NEEDS = ("gradient",)


class Gradient(Explainer):
    """How fast the target's scalar changes with the voxel, up or down."""

    @classmethod
    def passes(cls, settings: dict, shape: tuple[int, ...]) -> int:
        return 2

    def explain(self, units: Units) -> Tensor:
        return gradient(self.context, units.images, units.probabilities)[:, 0].abs()


EXPLAINER = Gradient
