"""Volumes cut into units: what is segmented, explained and obscured at once."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unoise.data.volumes import read_volume, spacing


@dataclass(frozen=True)
class Units:
    """The axial slices of a case (or some of them), in the order of the volume.

    Attributes
    ----------
    case
        The case's id.
    index
        Places of the slices in the volume.
    images
        (N, 1, X, Y) float32 in window units.
    probabilities
        (N, classes, X, Y) float32: the clean prediction of the segmenter.
    spacing
        Voxel size in mm along X and Y.
    """

    case: str
    index: tuple[int, ...]
    images: Tensor
    probabilities: Tensor
    spacing: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.index)

    def select(self, keep: Tensor) -> "Units":
        """The units where the bool tensor `keep` (N,) is true."""
        index = tuple(i for i, kept in zip(self.index, keep.tolist(), strict=True) if kept)
        return Units(self.case, index, self.images[keep], self.probabilities[keep], self.spacing)


def read_units(case: str, image: Path, prediction: Path, device: torch.device) -> tuple[Units, np.ndarray]:
    """All units of a preprocessed case with the segmenter's prediction, and the volume's affine."""
    images, affine = read_slices(image, case, device)
    probabilities = read_probabilities(prediction, case, device)
    return Units(case, tuple(range(len(images))), images, probabilities, spacing(affine)[:2]), affine


def read_probabilities(path: Path, case: str, device: torch.device) -> Tensor:
    """A prediction as slices (Z, classes, X, Y) float32."""
    channels, _ = read_volume(path, case, dimensions=4)
    return slices(np.moveaxis(channels, -1, 0), device)


def read_slices(path: Path, case: str, device: torch.device) -> tuple[Tensor, np.ndarray]:
    """A volume as slices (Z, 1, X, Y) float32, and its affine."""
    voxels, affine = read_volume(path, case)
    return slices(voxels[None], device), affine


def slices(channels: np.ndarray, device: torch.device) -> Tensor:
    """(C, X, Y, Z) as (Z, C, X, Y) float32 on a device."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(channels, 3, 0), dtype=np.float32)).to(device)


def volume(units: Tensor) -> np.ndarray:
    """Slices (Z, X, Y) as a volume (X, Y, Z) float32."""
    return np.moveaxis(units.float().cpu().numpy(), 0, 2)
