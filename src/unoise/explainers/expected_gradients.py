"""Expected gradients (Erion et al. 2021, arXiv 1906.10670): integrated gradients from training images, at random."""

import torch
from torch import Generator, Tensor

from unoise.compute import generator
from unoise.data.units import Units, on_grid
from unoise.explainers._gradient import gradient
from unoise.explainers.base import Context, Explainer

SETTINGS = {
    "samples": {"type": "integer", "minimum": 1, "default": 50, "description": "Baselines, each with one gradient"}
}
NEEDS = ("gradient", "references")


class ExpectedGradients(Explainer):
    """Mean of (x − x′)·∂S(x′ + α(x − x′)) over training units x′ and α in [0, 1] (equation 4), with its sign.

    Training units are drawn from `Context.references`, at any level of the body.
    """

    def __init__(self, context: Context, samples: int):
        super().__init__(context)
        self.samples = samples

    @classmethod
    def passes(cls, settings: dict, shape: tuple[int, ...]) -> int:
        return 2 * settings["samples"]

    def explain(self, units: Units) -> Tensor:
        draws = [generator(self.context.seed, "expected_gradients", units.case, index) for index in units.index]
        shape = (-1, *[1] * (units.images.dim() - 1))
        total = torch.zeros_like(units.images)
        for _ in range(self.samples):
            baselines = torch.cat([self._baseline(draw, units.images.shape[2:]) for draw in draws])
            shares = torch.cat([torch.rand(1, generator=draw, device="cpu") for draw in draws])
            way = units.images - baselines
            points = baselines + shares.to(way.device).reshape(shape) * way
            total += way * gradient(self.context, points, units.probabilities)
        return (total / self.samples)[:, 0]

    def _baseline(self, draw: Generator, shape: tuple[int, ...]) -> Tensor:
        """One of the training units, stretched to a shape: (1, 1, *S)."""
        lender = self.context.references[_place(draw, len(self.context.references))]
        place = _place(draw, len(lender))
        return on_grid(lender[place : place + 1], shape)


def _place(draw: Generator, count: int) -> int:
    return int(torch.randint(count, (1,), generator=draw, device="cpu"))


EXPLAINER = ExpectedGradients
