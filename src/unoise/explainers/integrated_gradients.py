"""Integrated gradients (Sundararajan et al. 2017, arXiv 1703.01365), by Captum."""

from captum.attr import IntegratedGradients as Integral
from torch import Tensor

from unoise.data.units import Units
from unoise.explainers._gradient import attributed
from unoise.explainers.base import Context, Explainer

SETTINGS = {
    "steps": {"type": "integer", "minimum": 1, "default": 32, "description": "Gradients along the way"},
    "baseline": {
        "type": "number",
        "default": 0.0,
        "description": "Value in window units of the even image where the way begins; 0 is air",
    },
}
NEEDS = ("gradient",)


class IntegratedGradients(Explainer):
    """What the voxel adds to the target's scalar on the straight way from the baseline (Gauss–Legendre quadrature).

    With its sign: what speaks against the target comes last.
    """

    def __init__(self, context: Context, steps: int, baseline: float):
        super().__init__(context)
        self.steps, self.baseline = steps, baseline

    @classmethod
    def passes(cls, settings: dict, shape: tuple[int, ...]) -> int:
        return 2 * settings["steps"]

    def explain(self, units: Units) -> Tensor:
        method = Integral(self.context.scalar)

        def attribute(images: Tensor, **more: tuple[Tensor]) -> Tensor:
            one_step = len(images)  # goes through the network at once
            way = {"baselines": self.baseline, "n_steps": self.steps}
            return method.attribute(images, **way, internal_batch_size=one_step, **more)

        return attributed(self.context, attribute, units.images, units.probabilities)[:, 0]


EXPLAINER = IntegratedGradients
