"""The slices of several patients as training material."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unoise.compute import generator
from unoise.data.units import read_slices
from unoise.errors import UserError
from unoise.files import files_hash
from unoise.workflow import methods


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
        augment = methods.find("training.augmentations", settings["augmentation"]).load().AUGMENT
        for part in torch.from_numpy(drawn).split(settings["batch_size"]):
            images, labels = self.images[part].to(device), self.labels[part].to(device).float()
            yield augment(images, labels, random)

    def samples(self, settings: dict) -> int:
        """How many slices an epoch has."""
        foreground = int(self._shows_class().sum())
        return settings["samples_per_epoch"] or round(foreground / (1 - settings["background_share"]))

    def class_shares(self, values: list[int]) -> list[float]:
        """The share of all voxels that each of these class values has."""
        return [(self.labels == value).float().mean().item() for value in values]

    def card(self, cases: CaseFiles) -> dict[str, int | str | float]:
        """What a model's card says of the data it was trained on."""
        return {"cases": len(cases.ids), "sha256": cases.content(), "body_mean": self.body_mean}

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
