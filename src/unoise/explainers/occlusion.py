"""Occlusion sensitivity (Zeiler and Fergus 2014) by the drop of agreement with the clean prediction."""

from itertools import product

import torch
from torch import Tensor

from unoise.data.units import Units
from unoise.explainers.base import Context, Explainer

Window = tuple[slice, ...]

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
        windows = window_slices(units.images.shape[2:], self.patch, self.stride)
        covered = torch.zeros_like(units.images[0, 0])
        for window in windows:
            covered[window] += 1
        clean = self.context.target.agreement(units.probabilities, units.probabilities)
        maps = torch.zeros_like(units.images[:, 0])
        for total, image, probabilities, whole in zip(maps, units.images, units.probabilities, clean, strict=True):
            differs = image[0] != self.fill
            changing = [window for window in windows if whole > 0 and differs[window].any()]
            size = self.context.segmenter.units_at_once
            for part in (changing[start : start + size] for start in range(0, len(changing), size)):
                for window, drop in zip(part, whole - self._agreements(image, probabilities, part), strict=True):
                    total[window] += drop
        return maps / covered.clamp_min(1)

    def _agreements(self, image: Tensor, probabilities: Tensor, windows: list[Window]) -> Tensor:
        """Agreement with each of the windows filled: (W,)."""
        obscured = image.repeat(len(windows), *[1] * image.ndim)
        for one, window in zip(obscured, windows, strict=True):
            one[0][window] = self.fill
        now = self.context.segmenter.probabilities(obscured)
        return self.context.target.agreement(now, probabilities.expand(len(now), *probabilities.shape))


def window_slices(shape: tuple[int, ...], patch: int, stride: int) -> list[Window]:
    """Every window of an image; the last one along an axis ends at the border."""
    sides = [min(patch, size) for size in shape]
    return [
        tuple(slice(start, start + side) for start, side in zip(corner, sides, strict=True))
        for corner in product(*_window_starts(shape, patch, stride))
    ]


def _window_starts(shape: tuple[int, ...], patch: int, stride: int) -> list[list[int]]:
    """First voxels of the windows along each axis."""
    lasts = [max(0, size - patch) for size in shape]
    return [sorted({*range(0, last + 1, stride), last}) for last in lasts]


EXPLAINER = Occlusion
