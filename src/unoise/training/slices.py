"""The slices of several patients as training material."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unoise.compute import generator
from unoise.data.units import read_parts
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

    def read(self, dims: int) -> tuple[list[Tensor], list[Tensor], float]:
        """Images and labels (uint8) of each case, cut into units (N, 1, *S), and the mean inside the bodies."""
        images, labels, bodies = (
            [read_parts(path, case, torch.device("cpu"), dims)[0] for case, path in zip(self.ids, paths, strict=True)]
            for paths in (self.images, self.labels, self.bodies)
        )
        inside = torch.cat([image[body > 0] for image, body in zip(images, bodies, strict=True)])
        return images, [label.to(torch.uint8) for label in labels], float(inside.mean())


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
            As `read_parts`, and if the slices of the cases have different shapes.
        """
        images, labels, body_mean = cases.read(dims=2)
        for case, volume in zip(cases.ids, images, strict=True):
            if volume.shape[2:] != images[0].shape[2:]:
                raise UserError(
                    f"its slices have {tuple(volume.shape[2:])} voxels, those of {cases.ids[0]} have "
                    f"{tuple(images[0].shape[2:])}",
                    case=case,
                    remedy="Give the first two numbers of preprocess.shape in the config",
                )
        return cls(torch.cat(images), torch.cat(labels), body_mean)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what a network is shown."""
        return tuple(self.images.shape[2:])

    def epoch(self, settings: dict, seed: int, number: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of augmented images and labels on a device, the same for the same seed and epoch number.

        Parameters
        ----------
        settings
            A config's `training`.
        """
        drawn = torch.from_numpy(self._draw(settings, np.random.default_rng([seed, number])))
        random = generator(seed, "augment", number)
        augment = methods.find("training.augmentations", settings["augmentation"]).load().AUGMENT
        for part in drawn.split(settings["batch_size"]):
            images, labels = self._pieces(part)
            yield augment(images.to(device), labels.to(device).float(), random)

    def samples(self, settings: dict) -> int:
        """How many slices or patches an epoch has."""
        return settings["samples_per_epoch"] or round(self._shown() / (1 - settings["background_share"]))

    def class_shares(self, values: list[int]) -> list[float]:
        """The share of all voxels that each of these class values has."""
        everywhere = torch.cat([label.flatten() for label in self.labels])
        return [(everywhere == value).float().mean().item() for value in values]

    def card(self, cases: CaseFiles) -> dict[str, int | str | float]:
        """What a model's card says of the data it was trained on."""
        return {"cases": len(cases.ids), "sha256": cases.content(), "body_mean": self.body_mean}

    def _shown(self) -> int:
        return int(self._shows_class().sum())

    def _shows_class(self) -> np.ndarray:
        return (self.labels > 0).flatten(1).any(1).numpy()

    def _pieces(self, drawn: Tensor) -> tuple[Tensor, Tensor]:
        return self.images[drawn], self.labels[drawn]

    def _draw(self, settings: dict, random: np.random.Generator) -> np.ndarray:
        shows = self._shows_class()
        total = self.samples(settings)
        background = 0 if shows.all() else round(total * settings["background_share"])
        parts = [
            take(np.flatnonzero(shows), total - background, random),
            take(np.flatnonzero(~shows), background, random),
        ]
        return random.permutation(np.concatenate(parts))


def take(pool: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """`count` members of a pool in random order; none twice before all others were taken as often."""
    rounds = [random.permutation(pool) for _ in range(-(-count // len(pool)))] if count else []
    return np.concatenate([*rounds, np.empty(0, pool.dtype)])[:count]
