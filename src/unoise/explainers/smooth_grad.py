"""SmoothGrad (Smilkov et al. 2017, arXiv 1706.03825): the mean gradient of noisy copies of the image."""

import torch
from torch import Tensor

from unoise.compute import normal
from unoise.data.units import Units
from unoise.explainers._gradient import gradient
from unoise.explainers.base import Context, Explainer

SETTINGS = {
    "samples": {"type": "integer", "minimum": 1, "default": 25, "description": "Noisy copies of a unit"},
    "sigma": {
        "type": "number",
        "exclusiveMinimum": 0,
        "default": 0.15,
        "description": "Standard deviation of the noise as a share of the unit's range of values",
    },
}
NEEDS = ("gradient",)


class SmoothGrad(Explainer):
    """The absolute value of the gradients' mean, as the paper's equation averages them with their sign."""

    def __init__(self, context: Context, samples: int, sigma: float):
        super().__init__(context)
        self.samples, self.sigma = samples, sigma

    @classmethod
    def passes(cls, settings: dict, shape: tuple[int, ...]) -> int:
        return 2 * settings["samples"]

    def explain(self, units: Units) -> Tensor:
        images = units.images
        axes = tuple(range(1, images.dim()))
        sigma = self.sigma * (images.amax(axes, keepdim=True) - images.amin(axes, keepdim=True))
        total = torch.zeros_like(images)
        for sample in range(self.samples):
            keys = [(self.context.seed, "smooth_grad", units.case, index, sample) for index in units.index]
            noisy = images + sigma * normal(keys, images.shape[1:], images.device)
            total += gradient(self.context, noisy, units.probabilities)
        return (total / self.samples)[:, 0].abs()


EXPLAINER = SmoothGrad
