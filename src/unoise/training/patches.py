"""Patches of one size out of volumes, as training material."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from monai.data.utils import dense_patch_slices
from torch import Tensor
from torch.nn import functional

from unoise.training.permuted import PermutedCases
from unoise.training.slices import CaseFiles, TrainingSet, take


@dataclass(frozen=True)
class Patches(TrainingSet):
    """The volumes of the training cases, in memory, of which random patches are shown.

    Patches that shall show a class have a voxel of one, any with the same chance, in the middle (or as near to it as
    the volume's border allows), as in nnU-Net and MONAI's `RandCropByPosNegLabel`; the others lie anywhere.

    Attributes
    ----------
    images, labels
        As of `TrainingSet`, but a list of one tensor (1, 1, X, Y, Z) a case, at least as large as a patch.
    patch
        Voxels of a patch along X, Y and Z.
    """

    patch: tuple[int, ...]

    @classmethod
    def of(cls, cases: CaseFiles, patch: Sequence[int]) -> "Patches":
        """Read preprocessed volumes; raises as `read_parts`."""
        images, labels, body_mean = cases.read(dims=3)
        large = ([padded(volume, patch) for volume in volumes] for volumes in (images, labels))
        return cls(*large, body_mean, tuple(patch))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.patch

    def _shown(self) -> int:
        """As many patches as show a class when the volumes are cut into patches side by side."""
        return self._side_by_side

    def _draw(self, settings: dict, random: np.random.Generator) -> np.ndarray:
        """Patches (N, 4) in random order: the number of the volume and the first voxel along each axis."""
        total = self.samples(settings)
        background = round(total * settings["background_share"])
        shows = np.flatnonzero([len(places) for places in self._class_places])
        around = [self._around_class(number, random) for number in take(shows, total - background, random)]
        anywhere = [
            self._about(number, random.integers(self.labels[number].shape[2:]))
            for number in take(np.arange(len(self.images)), background, random)
        ]
        return random.permutation(np.array(around + anywhere))

    def _pieces(self, drawn: Tensor) -> tuple[Tensor, Tensor]:
        places = [
            (number, (..., *(slice(first, first + side) for first, side in zip(corner, self.patch, strict=True))))
            for number, *corner in drawn.tolist()
        ]
        return tuple(
            torch.cat([volumes[number][window] for number, window in places]) for volumes in (self.images, self.labels)
        )

    @cached_property
    def _side_by_side(self) -> int:
        return sum(len(showing(label, label, self.patch)[0]) for label in self.labels)

    @cached_property
    def _class_places(self) -> list[np.ndarray]:
        return [np.flatnonzero(label.numpy()) for label in self.labels]

    def _around_class(self, number: int, random: np.random.Generator) -> list[int]:
        shape = self.labels[number].shape[2:]
        return self._about(number, np.array(np.unravel_index(random.choice(self._class_places[number]), shape)))

    def _about(self, number: int, centre: np.ndarray) -> list[int]:
        """The volume's number and the first voxels of the patch with a centre, moved inside of the volume."""
        last = np.subtract(self.labels[number].shape[2:], self.patch)
        return [number, *np.clip(centre - np.array(self.patch) // 2, 0, last)]


def training_set(cases: CaseFiles, settings: dict) -> TrainingSet:
    """The training material of a network by its settings: patches where its `training` says their size, else slices.

    With `labels: permuted` in its `training`, labels belong to other patients.
    """
    patch = settings["training"].get("patch")
    if "labels" in settings["training"]:
        cases = PermutedCases(**vars(cases), seed=settings["seed"])
    return Patches.of(cases, patch) if patch else TrainingSet.load(cases)


def padded(volumes: Tensor, patch: Sequence[int]) -> Tensor:
    """Volumes (N, C, X, Y, Z) with 0 (air, background) around them where they are smaller than a patch."""
    short = [max(0, side - size) for side, size in zip(patch, volumes.shape[2:], strict=True)]
    return functional.pad(volumes, [half for one in reversed(short) for half in (one // 2, one - one // 2)])


def showing(images: Tensor, labels: Tensor, patch: Sequence[int] | None) -> tuple[Tensor, Tensor]:
    """The parts of images and labels (N, 1, *S) that show a class: patches that cover them side by side, or all slices.

    Parameters
    ----------
    patch
        Voxels of a patch; None: slices are taken whole.
    """
    if patch:
        images, labels = padded(images, patch), padded(labels, patch)
        windows = dense_patch_slices(images.shape[2:], patch, patch)
        images, labels = (torch.cat([one[(..., *window)] for window in windows]) for one in (images, labels))
    keep = (labels > 0).flatten(1).any(1)
    return images[keep], labels[keep]
