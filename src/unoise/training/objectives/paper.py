"""The published objective: bear as much noise as the label allows (Koker et al. 2021, arXiv 2101.05791, section 2)."""

import torch
from torch import Tensor
from torch.nn import functional

from unoise.errors import UserError
from unoise.networks.segmenter import Segmenter
from unoise.targets.class_target import ClassTarget
from unoise.training.objectives.base import Objective

SETTINGS = {
    "noise_min": {
        "type": "number",
        "minimum": 0,
        "default": 0.225,
        "description": "Noise where B is 0, in units of the segmenter's input (published: 1, input: imagenet)",
    },
    "noise_max": {
        "type": "number",
        "exclusiveMinimum": 0,
        "default": 1.125,
        "description": "Noise where B is 1, in the same units (published: 5, input: imagenet)",
    },
    "ratio": {
        "type": "number",
        "minimum": 0,
        "default": 0.001,
        "description": "Weight λ of the mean of log B",
    },
}


class PaperObjective(Objective):
    """BCE(f(x + σ·ε), label) − λ·mean(log B), with B = sigmoid(g(x)), σ = B·(max − min) + min and ε ~ N(0, 1).

    x is what the segmenter sees, normalised; all of its channels get the same noise.
    """

    def __init__(self, segmenter: Segmenter, target: ClassTarget, noise_min: float, noise_max: float, ratio: float):
        super().__init__(segmenter, target)
        if noise_min > noise_max:
            raise UserError(f"noise_min {noise_min:g} is above noise_max {noise_max:g}", remedy="Exchange them")
        self.noise_min, self.noise_max, self.ratio = noise_min, noise_max, ratio

    def loss(self, scale_logits: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        sigma = scale_logits.sigmoid() * (self.noise_max - self.noise_min) + self.noise_min
        seen = self.segmenter.network_input(images)
        logits = self.segmenter.logits_of_input(seen + sigma * torch.randn_like(sigma))
        fit = functional.binary_cross_entropy_with_logits(
            self.target.probability(logits), self.target.labelled(labels[:, 0]).float()
        )
        return fit - self.ratio * functional.logsigmoid(scale_logits).mean()


OBJECTIVE = PaperObjective
