"""RISE (Petsiuk et al. 2018, arXiv 1806.07421): random smooth masks, weighted by the agreement that is left."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from unoise.compute import generator
from unoise.data.units import Units
from unoise.explainers.base import Context, Explainer

SETTINGS = {
    "masks": {"type": "integer", "minimum": 1, "default": 1000, "description": "Random masks a unit"},
    "cells": {"type": "integer", "minimum": 2, "default": 8, "description": "Cells of a mask along each axis"},
    "visible": {
        "type": "number",
        "exclusiveMinimum": 0,
        "exclusiveMaximum": 1,
        "default": 0.5,
        "description": "Probability that a cell is visible",
    },
    "fill": {"type": "number", "default": 0.0, "description": "What hidden voxels fade to, in window units"},
}
MODES = {2: "bilinear", 3: "trilinear"}


class Rise(Explainer):
    """Mean agreement over the masks, each weighted by how far it shows the voxel (equation 6 of the paper)."""

    def __init__(self, context: Context, masks: int, cells: int, visible: float, fill: float):
        super().__init__(context)
        self.masks, self.cells, self.visible, self.fill = masks, cells, visible, fill

    @classmethod
    def passes(cls, settings: dict, shape: tuple[int, ...]) -> int:
        return settings["masks"]

    def explain(self, units: Units) -> Tensor:
        return torch.stack([self._one(units, number) for number in range(len(units))])

    def _one(self, units: Units, number: int) -> Tensor:
        image, clean = units.images[number : number + 1], units.probabilities[number : number + 1]
        draw = generator("rise", self.context.seed, units.case, units.index[number])
        total = torch.zeros_like(image[0, 0])
        size = self.context.compute.batch_size
        for start in range(0, self.masks, size):
            masks = self._draw(min(size, self.masks - start), image.shape[2:], draw).to(image.device)
            obscured = self.fill + masks * (image - self.fill)
            probabilities = self.context.segmenter.probabilities(obscured)
            left = self.context.target.agreement(probabilities, clean.expand(len(masks), *clean.shape[1:]))
            total += torch.tensordot(left.float(), masks[:, 0], dims=1)
        return total / (self.masks * self.visible)

    def _draw(self, count: int, shape: tuple[int, ...], draw: torch.Generator) -> Tensor:
        """Masks (count, 1, *shape) in [0, 1]: grids of cells made larger smoothly, moved by less than a cell."""
        steps = [-(-side // self.cells) for side in shape]
        grid = (self.cells + 1,) * len(shape)
        cells = (torch.rand(count, 1, *grid, generator=draw, device="cpu") < self.visible).float()
        large = [(self.cells + 1) * step for step in steps]
        smooth = interpolate(cells, size=large, mode=MODES[len(shape)], align_corners=False)
        moved = torch.stack([torch.randint(step, (count,), generator=draw, device="cpu") for step in steps], 1)
        cuts = [tuple(slice(at, at + side) for at, side in zip(one, shape, strict=True)) for one in moved.tolist()]
        return torch.stack([one[(slice(None), *cut)] for one, cut in zip(smooth, cuts, strict=True)])


EXPLAINER = Rise
