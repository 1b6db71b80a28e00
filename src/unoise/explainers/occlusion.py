"""Occlusion sensitivity (Zeiler and Fergus 2014) by the drop of agreement with the clean prediction."""

from itertools import product

import torch
from torch import Tensor

from unoise.data.units import Units
from unoise.explainers.base import Context, Explainer

SETTINGS = {
    "patch": {"type": "integer", "minimum": 1, "default": 15, "description": "Side of the window in voxels"},
    "stride": {"type": "integer", "minimum": 1, "default": 8, "description": "Step of the window in voxels"},
    "fill": {"type": "number", "default": 0.0, "description": "Value inside the window, in window units"},
}


class Occlusion(Explainer):
    """Mean, over the windows that cover a voxel, of how far the agreement falls when the window is filled.

    Windows in which every voxel already has the filling's value, and units in which nothing is predicted, change
    nothing: they need no forward pass.
    """

    def __init__(self, context: Context, patch: int, stride: int, fill: float):
        super().__init__(context)
        self.patch, self.stride, self.fill = patch, stride, fill

    @classmethod
    def passes(cls, settings: dict, shape: tuple[int, ...]) -> int:
        corners = product(*_window_starts(shape, settings["patch"], settings["stride"]))
        return sum(1 for _ in corners)

    def explain(self, units: Units) -> Tensor:
        windows = window_masks(units.images.shape[2:], self.patch, self.stride, units.images.device)
        covered = windows.sum(0).clamp_min(1)
        clean = self.context.target.agreement(units.probabilities, units.probabilities)
        maps = []
        for image, probabilities, whole in zip(units.images, units.probabilities, clean, strict=True):
            drops = torch.zeros(len(windows), device=image.device)
            changing = ((image[0] != self.fill) & windows).flatten(1).any(1) & (whole > 0)
            if changing.any():
                drops[changing] = whole - self._agreements(image, probabilities, windows[changing])
            maps.append((drops[:, None] * windows.flatten(1)).sum(0).reshape(covered.shape) / covered)
        return torch.stack(maps)

    def _agreements(self, image: Tensor, probabilities: Tensor, windows: Tensor) -> Tensor:
        """Agreement with each of the windows (W, *S) filled: (W,)."""
        agreements = []
        for part in windows.split(self.context.compute.batch_size):
            obscured = torch.where(part[:, None], self.fill, image[None])
            now = self.context.segmenter.probabilities(obscured)
            agreements.append(self.context.target.agreement(now, probabilities[None].expand_as(now)))
        return torch.cat(agreements)


def window_masks(shape: tuple[int, ...], patch: int, stride: int, device: torch.device) -> Tensor:
    """Every window as a bool mask (W, *shape); the last one along an axis ends at the border."""
    sides = [min(patch, size) for size in shape]
    corners = list(product(*_window_starts(shape, patch, stride)))
    masks = torch.zeros((len(corners), *shape), dtype=torch.bool, device=device)
    for mask, corner in zip(masks, corners, strict=True):
        mask[tuple(slice(start, start + side) for start, side in zip(corner, sides, strict=True))] = True
    return masks


def _window_starts(shape: tuple[int, ...], patch: int, stride: int) -> list[list[int]]:
    """First voxels of the windows along each axis."""
    lasts = [max(0, size - patch) for size in shape]
    return [sorted({*range(0, last + 1, stride), last}) for last in lasts]


EXPLAINER = Occlusion
