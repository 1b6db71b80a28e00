"""Kernel SHAP on supervoxels (Lundberg and Lee 2017, arXiv 1705.07874), by the agreement that is left."""

import torch
from torch import Generator, Tensor

from unoise.compute import generator
from unoise.data.units import Units
from unoise.explainers._supervoxels import supervoxels
from unoise.explainers.base import Context, Explainer

SETTINGS = {
    "features": {"type": "integer", "minimum": 2, "default": 100, "description": "Supervoxels of a unit, about"},
    "compactness": {
        "type": "number",
        "exclusiveMinimum": 0,
        "default": 0.2,
        "description": "Difference in window units that keeps voxels apart as their supervoxel's width does; the "
        "larger, the rounder",
    },
    "samples": {"type": "integer", "minimum": 2, "default": 1000, "description": "Images with some features hidden"},
    "fill": {"type": "number", "default": 0.0, "description": "Value of hidden features, in window units"},
}


class KernelShap(Explainer):
    """The Shapley value of the feature that a voxel belongs to, in the game for the agreement.

    Features that are of the filling's value already have the Shapley value 0 and do not play. With so few players that
    `samples` suffice, all coalitions are tried and the values exact.
    """

    def __init__(self, context: Context, features: int, compactness: float, samples: int, fill: float):
        super().__init__(context)
        self.count, self.compactness, self.samples, self.fill = features, compactness, samples, fill

    @classmethod
    def passes(cls, settings: dict, shape: tuple[int, ...]) -> int:
        return settings["samples"] + 1

    def explain(self, units: Units) -> Tensor:
        return torch.stack([self._one(units, number) for number in range(len(units))])

    def features(self, units: Units, number: int) -> Tensor:
        """Which feature each voxel of a unit belongs to: (*S) int64, from 0 without gaps."""
        return supervoxels(units.images[number, 0], units.spacing, self.count, self.compactness)

    def _one(self, units: Units, number: int) -> Tensor:
        image, clean = units.images[number, 0], units.probabilities[number : number + 1]
        features = self.features(units, number)
        values = image.new_zeros(int(features.max()) + 1)
        whole = self.context.target.agreement(clean, clean)
        players = features[image != self.fill].unique()
        if whole > 0 and len(players):
            draw = generator("kernel_shap", self.context.seed, units.case, units.index[number])
            shown, weights = coalitions(len(players), self.samples, draw)
            tried = torch.cat([shown.new_zeros(1, len(players)), shown]).to(image.device)
            visible = torch.ones(len(tried), len(values), dtype=torch.bool, device=image.device)
            visible[:, players] = tried
            left = self._agreements(image, clean, features, visible)
            values[players] = shapley_values(tried[1:], weights.to(left), left[1:], left[0], whole[0])
        return values[features]

    def _agreements(self, image: Tensor, clean: Tensor, features: Tensor, visible: Tensor) -> Tensor:
        """Agreement with the features (*S) visible that a row of `visible` (M, F) says: (M,)."""
        left = []
        for part in visible.split(self.context.segmenter.units_at_once):
            now = self.context.segmenter.probabilities(torch.where(part[:, features], image, self.fill)[:, None])
            left.append(self.context.target.agreement(now, clean.expand(len(now), *clean.shape[1:])))
        return torch.cat(left)


def coalitions(players: int, samples: int, draw: Generator) -> tuple[Tensor, Tensor]:
    """Coalitions (M, players) bool, neither empty nor of all, and their weights (M,) in the regression.

    All that there are, with the Shapley kernel as weights, where these are at most `samples`. Otherwise as many drawn
    from that kernel, each with its complement (Covert and Lee 2021, arXiv 2012.01536), of equal weights.
    """
    if 2**players - 2 <= samples:
        every = torch.arange(1, 2**players - 1, device="cpu")[:, None] >> torch.arange(players, device="cpu") & 1
        sizes = every.sum(1)
        log_ways = torch.lgamma(torch.tensor(players + 1.0, device="cpu")) - torch.lgamma(sizes + 1.0)
        log_ways = log_ways - torch.lgamma(players - sizes + 1.0)
        return every.bool(), (players - 1) / (log_ways.exp() * sizes * (players - sizes))
    sizes = torch.arange(1, players, device="cpu")
    drawn = torch.multinomial(1 / (sizes * (players - sizes)), -(-samples // 2), replacement=True, generator=draw) + 1
    order = torch.rand(len(drawn), players, generator=draw, device="cpu").argsort(1).argsort(1)
    half = order < drawn[:, None]
    return torch.stack([half, ~half], 1).flatten(0, 1)[:samples], torch.ones(samples, device="cpu")


def shapley_values(shown: Tensor, weights: Tensor, worth: Tensor, none: Tensor, everything: Tensor) -> Tensor:
    """Values (players,) that add up to what all gain, and fit the coalitions' worth best by weighted least squares.

    Parameters
    ----------
    shown, weights, worth
        (M, players), (M,) and (M,): the coalitions, their weights, and the game's value with each.
    none, everything
        The game's value without, and with all players.
    """
    gain = (everything - none).double()
    matrix, root = shown.double(), weights.double().sqrt()[:, None]
    known = (worth - none).double() - matrix[:, -1] * gain  # the last player's value follows from the others'
    table, column = root * (matrix[:, :-1] - matrix[:, -1:]), root * known[:, None]
    others = torch.linalg.lstsq(table.cpu(), column.cpu(), driver="gelsd").solution[:, 0].to(gain)
    return torch.cat([others, gain[None] - others.sum()]).to(worth)


EXPLAINER = KernelShap
