"""The image's own texture without any shape."""

import torch
from torch import Tensor

from unoise.compute import normal
from unoise.data.units import Units
from unoise.obscurers.base import Surroundings


def content(units: Units, around: Surroundings) -> Tensor:
    """The amplitude spectrum and the mean of each unit with random phases, clipped to [0, 1]: (N, 1, *S).

    The phases are those of white noise, seeded by case and unit.
    """
    axes = tuple(range(2, units.images.ndim))
    keys = [(around.seed, "scrambled", units.case, index) for index in units.index]
    noise = torch.fft.rfftn(normal(keys, units.images.shape[1:], units.images.device), dim=axes)
    phases = noise / noise.abs().clamp_min(1e-12)
    phases[(..., *[0] * len(axes))] = 1  # the mean stays
    amplitudes = torch.fft.rfftn(units.images, dim=axes).abs()
    return torch.fft.irfftn(amplitudes * phases, units.images.shape[2:], dim=axes).clamp(0, 1)


CONTENT = content
