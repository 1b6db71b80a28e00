"""The slices of several patients as training material."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from monai.networks.layers import AffineTransform
from torch import Tensor

from unoise.compute import generator
from unoise.data.units import read_slices
from unoise.errors import UserError
from unoise.files import files_hash


@dataclass(frozen=True)
class CaseFiles:
    """Cases of one split, with their patients and preprocessed files."""

    ids: list[str]
    patients: list[str]
    images: list[Path]
    labels: list[Path]
    bodies: list[Path]

    @classmethod
    def of(cls, split: str, keys: list[dict], files: Mapping[str, list[str]]) -> "CaseFiles":
        """The cases of a split from their key columns and a rule's inputs, named as `train_images` and so on."""
        return cls(
            [key["case"] for key in keys],
            [key["patient"] for key in keys],
            *([Path(one) for one in files[f"{split}_{kind}"]] for kind in ("images", "labels", "bodies")),
        )

    def content(self) -> str:
        """One SHA-256 over images and labels."""
        return files_hash([*self.images, *self.labels])


@dataclass(frozen=True)
class TrainingSet:
    """All slices of the training cases, in memory.

    Attributes
    ----------
    images
        (N, 1, X, Y) float32 in window units.
    labels
        (N, 1, X, Y) uint8 class values.
    body_mean
        Mean of the voxels inside the bodies, window units.
    """

    images: Tensor
    labels: Tensor
    body_mean: float

    @classmethod
    def load(cls, cases: CaseFiles) -> "TrainingSet":
        """Read preprocessed volumes.

        Raises
        ------
        UserError
            As `read_slices`, and if the slices of the cases have different shapes.
        """
        cpu = torch.device("cpu")
        read = [
            [read_slices(path, case, cpu)[0] for case, path in zip(cases.ids, paths, strict=True)]
            for paths in (cases.images, cases.labels, cases.bodies)
        ]
        for case, volume in zip(cases.ids, read[0], strict=True):
            if volume.shape[2:] != read[0][0].shape[2:]:
                raise UserError(
                    f"its slices have {tuple(volume.shape[2:])} voxels, those of {cases.ids[0]} have "
                    f"{tuple(read[0][0].shape[2:])}",
                    case=case,
                    remedy="Give the first two numbers of preprocess.shape in the config",
                )
        scans, annotations, insides = map(torch.cat, read)
        return cls(scans, annotations.to(torch.uint8), float(scans[insides > 0].mean()))

    def epoch(self, settings: dict, seed: int, number: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of augmented images and labels on a device, the same for the same seed and epoch number.

        Parameters
        ----------
        settings
            A config's `training`.
        """
        drawn = self._draw(settings, np.random.default_rng([seed, number]))
        random = generator(seed, "augment", number)
        for part in torch.from_numpy(drawn).split(settings["batch_size"]):
            images, labels = self.images[part].to(device), self.labels[part].to(device).float()
            yield augment(images, labels, random) if settings["augment"] else (images, labels)

    def samples(self, settings: dict) -> int:
        """How many slices an epoch has."""
        foreground = int(self._shows_class().sum())
        return settings["samples_per_epoch"] or round(foreground / (1 - settings["background_share"]))

    def class_shares(self, classes: int) -> list[float]:
        """The share of all voxels that each class has."""
        return [(self.labels == value).float().mean().item() for value in range(1, classes + 1)]

    def _shows_class(self) -> np.ndarray:
        return (self.labels > 0).flatten(1).any(1).numpy()

    def _draw(self, settings: dict, random: np.random.Generator) -> np.ndarray:
        shows = self._shows_class()
        total = self.samples(settings)
        background = 0 if shows.all() else round(total * settings["background_share"])
        parts = [
            _take(np.flatnonzero(shows), total - background, random),
            _take(np.flatnonzero(~shows), background, random),
        ]
        return random.permutation(np.concatenate(parts))


def _take(pool: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """`count` members of a pool in random order; none twice before all others were taken as often."""
    rounds = [random.permutation(pool) for _ in range(-(-count // len(pool)))] if count else []
    return np.concatenate([*rounds, np.empty(0, pool.dtype)])[:count]


def augment(images: Tensor, labels: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rotate (to 11 degrees), scale (to 12 %) and shift (to 6 %) slices and labels; change the slices' intensities.

    Parameters
    ----------
    images, labels
        (N, 1, X, Y) on any device; labels are resampled by nearest neighbour, beyond the border lies 0.
    random
        A generator on the CPU.
    """

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(len(images), device="cpu").uniform_(low, high, generator=random).to(images.device)

    angle, zoom = uniform(-0.2, 0.2), uniform(0.88, 1.12)
    across, along = zoom * angle.cos(), zoom * angle.sin()
    rows = [across, -along, uniform(-0.12, 0.12), along, across, uniform(-0.12, 0.12)]
    theta = torch.stack(rows, dim=1).reshape(-1, 2, 3)
    moved, labels = (
        AffineTransform(mode=mode, padding_mode="zeros", normalized=True, align_corners=True)(one, theta)
        for one, mode in ((images, "bilinear"), (labels, "nearest"))
    )
    gain, shift, gamma, spread = (
        uniform(*ends).reshape(-1, 1, 1, 1) for ends in ((0.9, 1.1), (-0.04, 0.04), (0.85, 1.2), (0.0, 0.03))
    )
    noise = torch.randn(moved.shape, generator=random, device="cpu").to(images.device)
    return gain * moved.clamp(0, 1) ** gamma + shift + spread * noise, labels
