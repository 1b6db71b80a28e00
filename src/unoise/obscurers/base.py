"""What all obscurers share."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from unoise.data.units import Units
from unoise.workflow import methods


@dataclass(frozen=True)
class Surroundings:
    """What an obscurer may know beside the units.

    Attributes
    ----------
    window
        HU that are 0 and 1 in window units.
    body_mean
        Mean of the training bodies in window units.
    donor
        All units (M, 1, *S) of the training case that lends its voxels, or None.
    seed
        Of everything random; the same fillings for all explainers.
    """

    window: tuple[float, float]
    body_mean: float
    donor: Tensor | None
    seed: int


class Obscurer(ABC):
    """Replaces hidden voxels by a filling."""

    @classmethod
    def seconds(cls, shape: tuple[int, ...]) -> float:
        """About how long hiding a part of a unit of this shape takes (for the estimate of a run)."""
        return 0.0

    @abstractmethod
    def fill(self, units: Units, around: Surroundings) -> Tensor:
        """What stands in the place of every voxel when all are hidden: (N, 1, *S) in window units."""

    def obscure(self, images: Tensor, visible: Tensor, filling: Tensor) -> Tensor:
        """Images (N, 1, *S) where `visible` (N, 1, *S) is true, elsewhere the filling, or what follows from both."""
        return torch.where(visible, images, filling)


def make_obscurer(name: str, settings: dict) -> Obscurer:
    """The obscurer of a module of this package, with its settings from the config."""
    return methods.find("obscurers", name).load().OBSCURER(**settings)
