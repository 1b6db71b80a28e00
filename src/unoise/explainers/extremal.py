"""Extremal perturbation (Fong et al. 2019, arXiv 1910.08485): of each area, the mask that keeps the prediction best."""

from functools import partial
from math import prod

import torch
from captum.attr import Saliency
from torch import Tensor
from torch.nn.functional import interpolate

from unoise.compute import generator
from unoise.data.units import Units
from unoise.explainers._gradient import attributed
from unoise.explainers.base import Context, Explainer

AREAS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)  # of the unit
SETTINGS = {
    "steps": {"type": "integer", "minimum": 1, "default": 100, "description": "Steps of the optimiser"},
    "cells": {
        "type": "integer",
        "minimum": 2,
        "default": 32,
        "description": "Values of a mask along the unit's longest axis; between them it is interpolated",
    },
    "fill": {"type": "number", "default": 0.0, "description": "What hidden voxels fade to, in window units"},
}
NEEDS = ("gradient",)
MODES = {2: "bilinear", 3: "trilinear"}
RATE, JITTER = 0.05, 0.01  # of Adam; how far a mask's first values are below 1, since equal ones have no order
FIRST, LAST = 1.0, 100.0  # weight of the area, growing from step to step


class Extremal(Explainer):
    """Masks of six areas, one after the other: first the voxels of the smallest, by their value in it, then the next's.

    Each maximises the agreement minus the distance of its sorted values from those of a mask of the area (equation 4),
    by Adam. Where the paper makes masks smooth by a maximum over a Gaussian, these are interpolated from a grid; where
    it blurs, hidden voxels fade to a value. A volume's gradient is taken window by window.
    """

    def __init__(self, context: Context, steps: int, cells: int, fill: float):
        super().__init__(context)
        self.steps, self.cells, self.fill = steps, cells, fill

    @classmethod
    def passes(cls, settings: dict, shape: tuple[int, ...]) -> int:
        return 2 * len(AREAS) * settings["steps"]

    def explain(self, units: Units) -> Tensor:
        return torch.stack([in_one_ranking(self.masks(units, number)) for number in range(len(units))])

    def masks(self, units: Units, number: int) -> Tensor:
        """Of a unit, in [0, 1], by area: (areas, *S)."""
        image, clean = units.images[number : number + 1], units.probabilities[number : number + 1]
        shape, areas = image.shape[2:], len(AREAS)
        wanted = _wanted(shape).to(image.device)
        grid = [max(2, round(self.cells * size / max(shape))) for size in shape]
        draw = generator("extremal", self.context.seed, units.case, units.index[number])
        noise = torch.rand(areas, 1, *grid, generator=draw, device="cpu").to(image.device)
        values = (1 - JITTER * noise).requires_grad_()
        adam = torch.optim.Adam([values], lr=RATE)
        gradient = partial(Saliency(self._agreement).attribute, abs=False)
        for step in range(self.steps):
            masks = interpolate(values, shape, mode=MODES[len(shape)], align_corners=True)
            obscured = self.fill + masks * (image - self.fill)
            pull = attributed(self.context, gradient, obscured, clean.expand(areas, *clean.shape[1:]))
            weight = FIRST * (LAST / FIRST) ** (step / self.steps)
            off = (masks.flatten(1).sort(1).values - wanted).square().mean(1)
            adam.zero_grad()
            (weight * off.sum() - (pull * obscured).sum()).backward()
            adam.step()
            with torch.no_grad():
                values.clamp_(0, 1)
        return interpolate(values.detach(), shape, mode=MODES[len(shape)], align_corners=True)[:, 0]

    def _agreement(self, images: Tensor, clean: Tensor) -> Tensor:
        return self.context.target.agreement(self.context.segmenter.logits(images).sigmoid(), clean)


def _wanted(shape: tuple[int, ...]) -> Tensor:
    """The sorted values of masks of each area: zeros, then ones, (areas, voxels)."""
    n = prod(shape)
    return torch.stack([torch.arange(n, 0, -1, device="cpu") <= round(area * n) for area in AREAS]).float()


def in_one_ranking(masks: Tensor) -> Tensor:
    """One map (*S) of masks (areas, *S) whose highest voxels are those of the smallest area, then those of the next."""
    flat = masks.flatten(1)
    ranking = flat[-1].clone()
    for level, (area, mask) in enumerate(reversed(list(zip(AREAS, flat, strict=True))), 1):
        inside = mask.topk(round(area * flat.shape[1])).indices
        ranking[inside] = level + mask[inside]
    return ranking.reshape(masks.shape[1:])


EXPLAINER = Extremal
