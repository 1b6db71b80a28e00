"""The published objective: bear as much noise as the label allows (Koker et al. 2021, arXiv 2101.05791, section 2)."""

import torch
from torch import Tensor
from torch.nn import functional

from unoise.errors import UserError
from unoise.networks.segmenter import Segmenter
from unoise.targets.class_target import ClassTarget
from unoise.training.loop import Moment
from unoise.training.objectives.base import Batch, Objective

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
TRAINS_WITH = ("noise",)


class PaperObjective(Objective):
    """BCE(f(x + σ·ε), label) − λ·mean(log B), with B = sigmoid(g(x)), σ = B·(max − min) + min and ε ~ N(0, 1).

    The interpreter's output g(x) is the logit of the noise scale B.

    x is what the segmenter sees, normalised; all of its channels get the same noise.
    """

    def __init__(self, segmenter: Segmenter, noise_min: float, noise_max: float, ratio: float):
        super().__init__(segmenter)
        if noise_min > noise_max:
            raise UserError(f"noise_min {noise_min:g} is above noise_max {noise_max:g}", remedy="Exchange them")
        self.noise_min, self.noise_max, self.ratio = noise_min, noise_max, ratio

    def loss(self, output: Tensor, batch: Batch, target: ClassTarget, moment: Moment) -> Tensor:
        sigma = output.sigmoid() * (self.noise_max - self.noise_min) + self.noise_min
        seen = self.segmenter.network_input(batch.images)
        drawn = torch.randn(sigma.shape, generator=moment.random, device="cpu").to(sigma.device)
        logits = self.segmenter.logits_of_input(seen + sigma * drawn)
        fit = functional.binary_cross_entropy_with_logits(
            target.probability(logits), target.labelled(batch.labels[:, 0]).float()
        )
        return fit - self.ratio * functional.logsigmoid(output).mean()


OBJECTIVE = PaperObjective
