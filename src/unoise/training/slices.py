"""The slices of several patients as training material."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from monai.transforms import (
    Compose,
    RandAdjustContrastd,
    RandAffined,
    RandGaussianNoised,
    RandScaleIntensityd,
    RandShiftIntensityd,
)
from torch import Tensor

from unoise.data.units import read_slices
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
        """Read preprocessed volumes; raises as `read_slices`."""
        cpu = torch.device("cpu")
        scans, annotations, insides = (
            torch.cat([read_slices(path, case, cpu)[0] for case, path in zip(cases.ids, paths, strict=True)])
            for paths in (cases.images, cases.labels, cases.bodies)
        )
        return cls(scans, annotations.to(torch.uint8), float(scans[insides > 0].mean()))

    def epoch(self, settings: dict, seed: int, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of augmented images and labels on the CPU, the same for the same seed and epoch number.

        Parameters
        ----------
        settings
            A config's `training`.
        """
        random = np.random.default_rng([seed, number])
        drawn = self._draw(settings, random)
        transform = augmentation() if settings["augment"] else None
        for start in range(0, len(drawn), settings["batch_size"]):
            part = drawn[start : start + settings["batch_size"]]
            if transform is None:
                yield self.images[part], self.labels[part].float()
                continue
            changed = []
            for index in part:
                transform.set_random_state(seed=int(random.integers(2**31)))
                changed.append(transform({"image": self.images[index], "label": self.labels[index].float()}))
            yield tuple(torch.stack([one[key] for one in changed]) for key in ("image", "label"))

    def samples(self, settings: dict) -> int:
        """How many slices an epoch has."""
        foreground = int(self._shows_class().sum())
        return settings["samples_per_epoch"] or round(foreground / (1 - settings["background_share"]))

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


def augmentation() -> Compose:
    """Random rotation, scaling, shift, intensity and noise of one slice (1, X, Y) and its label."""
    return Compose(
        [
            RandAffined(
                ["image", "label"],
                prob=0.8,
                rotate_range=[0.2],
                scale_range=[0.12, 0.12],
                translate_range=[8, 8],
                mode=["bilinear", "nearest"],
                padding_mode="zeros",
                cache_grid=False,
            ),
            RandScaleIntensityd(["image"], factors=0.1, prob=0.5),
            RandShiftIntensityd(["image"], offsets=0.04, prob=0.5),
            RandAdjustContrastd(["image"], gamma=(0.8, 1.25), prob=0.3),
            RandGaussianNoised(["image"], std=0.03, prob=0.3),
        ],
        map_items=False,
        lazy=False,
    )
