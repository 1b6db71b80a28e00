"""Occlusion sensitivity (Zeiler and Fergus 2014) by the drop of agreement with the clean prediction."""

from collections.abc import Iterator
from itertools import product

import torch
from monai.data.utils import compute_importance_map
from monai.networks.layers import GaussianFilter
from torch import Tensor

from unoise.data.units import Units
from unoise.errors import UserError
from unoise.explainers.base import Context, Explainer

Window = tuple[slice, ...]
SIGMA = 0.25  # of a window's soft edges, in sides: MONAI's

SETTINGS = {
    "patch": {"type": "integer", "minimum": 1, "default": 15, "description": "Side of the window in voxels"},
    "stride": {"type": "integer", "minimum": 1, "default": 8, "description": "Step of the window in voxels"},
    "fill": {
        "anyOf": [{"type": "number"}, {"const": "mean"}],
        "default": 0.0,
        "description": "Value inside the window, in window units; mean: that of the unit",
    },
    "edge": {
        "enum": ["hard", "gaussian"],
        "default": "hard",
        "description": "hard: the whole window is filled; gaussian: less towards its edges, which count less (MONAI)",
    },
    "border": {
        "enum": ["inside", "cut"],
        "default": "inside",
        "description": "The last window ends at the image's border (inside, as in MONAI), or keeps to the stride and "
        "is cut off there (cut, as in Captum)",
    },
}


class Occlusion(Explainer):
    """Mean, over the windows that cover a voxel, of how far the agreement falls when the window is filled.

    Windows that filling leaves as they are, and units in which nothing is predicted, need no forward pass.
    """

    def __init__(self, context: Context, patch: int, stride: int, fill: float | str, edge: str, border: str):
        super().__init__(context)
        if stride > patch:
            raise UserError(
                f"a stride of {stride} is larger than the patch of {patch}: no window would cover the voxels between",
                remedy="Make the stride at most as large as the patch",
            )
        self.patch, self.stride, self.fill, self.edge, self.border = patch, stride, fill, edge, border

    @classmethod
    def passes(cls, settings: dict, shape: tuple[int, ...]) -> int:
        return len(window_slices(shape, settings["patch"], settings["stride"], settings["border"]))

    def explain(self, units: Units) -> Tensor:
        windows = window_slices(units.images.shape[2:], self.patch, self.stride, self.border)
        _, weights = self._kernels(units.images)
        covered = torch.zeros_like(units.images[0, 0])
        for window in windows:
            covered[window] += weights[_corner(window)]
        maps = torch.zeros_like(units.images[:, 0])
        for total, image, clean in zip(maps, units.images, units.probabilities, strict=True):
            for window, drop in zip(windows, self.drops(image, clean), strict=True):
                total[window] += drop * weights[_corner(window)]
        return maps / covered.clamp_min(torch.finfo(covered.dtype).tiny)

    def drops(self, image: Tensor, clean: Tensor) -> Tensor:
        """How far the agreement of one unit (1, *S) falls for each of its `window_slices`: (W,)."""
        target = self.context.target
        windows = window_slices(image.shape[1:], self.patch, self.stride, self.border)
        drops = image.new_zeros(len(windows))
        whole = target.agreement(clean[None], clean[None])
        changing = list(self._changing(image, windows)) if whole > 0 else []
        size = self.context.segmenter.units_at_once
        for part in (changing[start : start + size] for start in range(0, len(changing), size)):
            obscured = image.repeat(len(part), *[1] * image.ndim)
            for one, (number, filled) in zip(obscured, part, strict=True):
                one[0][windows[number]] = filled
            now = self.context.segmenter.probabilities(obscured)
            drops[[number for number, _ in part]] = whole - target.agreement(now, clean.expand(len(now), *clean.shape))
        return drops

    def _kernels(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Of a window: how far each voxel is filled, and the weight it has in the mean."""
        sides = _sides(images.shape[2:], self.patch)
        if self.edge == "hard":
            return images.new_ones(sides), images.new_ones(sides)
        peak = images.new_zeros(1, 1, *sides)
        peak[(0, 0, *(side // 2 for side in sides))] = 1
        sigmas = [torch.tensor(SIGMA * side, device=images.device) for side in sides]
        hidden = GaussianFilter(len(sides), sigmas).to(images.device)(peak)[0, 0]
        hidden = (hidden - hidden.min()) / (hidden.max() - hidden.min()).clamp_min(torch.finfo(hidden.dtype).tiny)
        return hidden, compute_importance_map(sides, "gaussian", device=images.device, dtype=images.dtype)

    def _changing(self, image: Tensor, windows: list[Window]) -> Iterator[tuple[int, Tensor]]:
        """The numbers of the windows of an image (1, *S) that filling changes, each with what is then in it."""
        hidden, _ = self._kernels(image[None])
        fill = image.mean() if self.fill == "mean" else self.fill
        for number, window in enumerate(windows):
            share, before = hidden[_corner(window)], image[0][window]
            filled = share * fill + (1 - share) * before
            if not torch.equal(filled, before):
                yield number, filled


def window_slices(shape: tuple[int, ...], patch: int, stride: int, border: str) -> list[Window]:
    """Every window of an image; the last one along an axis ends at the border (`inside`), or is cut off by it."""
    axes = []
    for size, side in zip(shape, _sides(shape, patch), strict=True):
        last = size - side
        inside, cut = {*range(0, last + 1, stride), last}, range(0, min(last + stride, size), stride)
        starts = sorted(inside) if border == "inside" else cut
        axes.append([slice(start, min(start + side, size)) for start in starts])
    return list(product(*axes))


def _sides(shape: tuple[int, ...], patch: int) -> tuple[int, ...]:
    return tuple(min(patch, size) for size in shape)


def _corner(window: Window) -> Window:
    """The part of a whole window that is left of one that may be cut off."""
    return tuple(slice(0, axis.stop - axis.start) for axis in window)


EXPLAINER = Occlusion
