"""Volumes cut into units: what is segmented, explained and obscured at once.

The only place that knows how: a unit of 2 dimensions is an axial slice, one of 3 the whole volume.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from unoise.data.volumes import read_volume, spacing


@dataclass(frozen=True)
class Units:
    """The units of a case (or some of them), in the order of the volume; *S is X, Y or X, Y, Z.

    Attributes
    ----------
    case
        The case's id.
    index
        Places of the slices in the volume; (0,) for a whole volume.
    images
        (N, 1, *S) float32 in window units.
    probabilities
        (N, classes, *S) float32: the clean prediction of the segmenter. Where a region is explained its mask, 0 and 1,
        is a further channel behind the classes: so it goes with them through batches and windows.
    spacing
        Voxel size in mm along the unit's axes.
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


def read_units(case: str, image: Path, prediction: Path, device: torch.device, dims: int) -> tuple[Units, np.ndarray]:
    """All units of a preprocessed case with the segmenter's prediction, and the volume's affine."""
    images, affine = read_parts(image, case, device, dims)
    probabilities = read_probabilities(prediction, case, device, dims)
    return Units(case, tuple(range(len(images))), images, probabilities, spacing(affine)[:dims]), affine


def read_probabilities(path: Path, case: str, device: torch.device, dims: int) -> Tensor:
    """A prediction cut into units (N, classes, *S) float32."""
    channels, _ = read_volume(path, case, dimensions=4)
    return cut(np.moveaxis(channels, -1, 0), device, dims)


def read_parts(path: Path, case: str, device: torch.device, dims: int) -> tuple[Tensor, np.ndarray]:
    """A volume cut into units (N, 1, *S) float32, and its affine."""
    voxels, affine = read_volume(path, case)
    return cut(voxels[None], device, dims), affine


def cut(channels: np.ndarray, device: torch.device, dims: int) -> Tensor:
    """(C, X, Y, Z) as units of 2 dimensions (Z, C, X, Y), or of 3 (1, C, X, Y, Z), float32 on a device."""
    units = {2: np.moveaxis(channels, 3, 0), 3: channels[None]}[dims]
    return torch.from_numpy(np.ascontiguousarray(units, dtype=np.float32)).to(device)


def volume(units: Tensor) -> np.ndarray:
    """All units of a case, (Z, X, Y) or (1, X, Y, Z), as the volume (X, Y, Z) float32."""
    whole = units.float().cpu().numpy()
    return np.moveaxis(whole, 0, 2) if whole.ndim == 3 else whole[0]


def on_grid(units: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Units (N, C, *S) of another case, trilinearly stretched to a shape where theirs differs.

    Slices have one shape; volumes may have more or fewer slices, of which those at the same share of the height meet.
    """
    return units if units.shape[2:] == shape else functional.interpolate(units, shape, mode="trilinear")
