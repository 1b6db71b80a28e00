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
        cells, moves = self._draw(image.shape[2:], draw)
        total = torch.zeros_like(image[0, 0])
        size = self.context.segmenter.units_at_once
        for part, moved in zip(cells.split(size), moves.split(size), strict=True):
            masks = _masks(part, moved, image.shape[2:], self.cells).to(image.device)
            probabilities = self.context.segmenter.probabilities(self.fill + masks * (image - self.fill))
            left = self.context.target.agreement(probabilities, clean.expand(len(probabilities), *clean.shape[1:]))
            total += torch.tensordot(left.float(), masks[:, 0], dims=1)
        return total / (self.masks * self.visible)

    def _draw(self, shape: tuple[int, ...], draw: torch.Generator) -> tuple[Tensor, Tensor]:
        """For all masks: which cells are visible (M, 1, *cells), and by how many voxels they are moved (M, dims)."""
        grid = (self.cells + 1,) * len(shape)
        visible = torch.rand(self.masks, 1, *grid, generator=draw, device="cpu") < self.visible
        steps = _steps(shape, self.cells)
        moves = [torch.randint(step, (self.masks,), generator=draw, device="cpu") for step in steps]
        return visible.float(), torch.stack(moves, 1)


def _masks(visible: Tensor, moves: Tensor, shape: tuple[int, ...], cells: int) -> Tensor:
    """Masks (N, 1, *shape) in [0, 1]: grids of cells made larger smoothly, moved by less than a cell."""
    large = [(cells + 1) * step for step in _steps(shape, cells)]
    smooth = interpolate(visible, size=large, mode=MODES[len(shape)], align_corners=False)
    cuts = [tuple(slice(at, at + side) for at, side in zip(one, shape, strict=True)) for one in moves.tolist()]
    return torch.stack([one[(slice(None), *cut)] for one, cut in zip(smooth, cuts, strict=True)])


def _steps(shape: tuple[int, ...], cells: int) -> list[int]:
    return [-(-side // cells) for side in shape]


EXPLAINER = Rise
