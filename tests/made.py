"""Small made things that several tests use."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from unoise.compute import Compute
from unoise.data.units import Units, volume
from unoise.data.volumes import write_volume
from unoise.networks.build import INPUTS, Normalised
from unoise.networks.segmenter import Segmenter

CPU = Compute(torch.device("cpu"), torch.float32, 8)


class Bright(nn.Module):
    """Predicts the organ where the image, averaged over 3x3 voxels, is above a threshold: it needs what it marks."""

    def __init__(self, threshold: float = 0.5):
        super().__init__()
        self.threshold = threshold
        self.average = nn.Conv2d(1, 1, 3, padding=1, bias=False)
        nn.init.constant_(self.average.weight, 1 / 9)

    def forward(self, images: Tensor) -> Tensor:
        return 40 * (self.average(images) - self.threshold)


def made_segmenter(network: nn.Module, compute: Compute = CPU) -> Segmenter:
    return Segmenter(Normalised(network, *INPUTS["window"], 2), ["organ"], (-160, 240), 0.3, compute)


def bright_segmenter(compute: Compute = CPU, threshold: float = 0.5) -> Segmenter:
    return made_segmenter(Bright(threshold).eval().requires_grad_(False), compute)


def square_units(segmenter: Segmenter, side: int = 32, count: int = 2) -> Units:
    """Dark images with one bright square, at (8…15, 4 + n…13 + n)."""
    images = torch.full((count, 1, side, side), 0.2, device="cpu")
    for number in range(count):
        images[number, 0, 8:16, 4 + number : 14 + number] = 0.9
    return Units("made", tuple(range(count)), images, segmenter.probabilities(images), (2.0, 3.0))


def stored_case(folder: Path, units: Units, **volumes: Tensor) -> dict[str, Path]:
    """Volumes of a case on disk by name: its image, a body that is everywhere, and slices (N, X, Y) or (N, C, X, Y)."""
    everything = {"image": units.images[:, 0], "body": torch.ones_like(units.images[:, 0]), **volumes}
    files = {name: folder / f"{name}.nii.gz" for name in everything}
    for name, one in everything.items():
        channels = [volume(channel) for channel in one.unbind(1)] if one.ndim == 4 else []
        write_volume(files[name], np.stack(channels, -1) if channels else volume(one), np.diag([*units.spacing, 5, 1]))
    return files
