"""The regions of units: labelled structures, bands of distance to the predicted target, and what is not the patient."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from unoise.data.units import read_parts
from unoise.workflow.regions import BANDS, FOUND, OUTSIDE


@dataclass(frozen=True)
class Region:
    """A part of each unit; parts of different kinds overlap.

    Attributes
    ----------
    kind
        "structure", "distance" or "surroundings".
    name
        As configs and tables name it.
    inside
        (N, *S), bool.
    known
        (N,), bool: false for units where it cannot be said where the region is, as the structure is not annotated or
        the target, to which distances are, not predicted.
    """

    kind: str
    name: str
    inside: Tensor
    known: Tensor

    @property
    def key(self) -> dict[str, str]:
        """Its columns of tables."""
        return {"kind": self.kind, "region": self.name}

    def count(self, *masks: Tensor) -> list[int | None]:
        """Voxels of masks (N, *S) in the units where the region is known; None where it is known in none."""
        return [int(mask[self.known].sum()) if self.known.any() else None for mask in masks]


def read_regions(
    case: str,
    files: dict[str, Path],
    values: dict[str, list[int]],
    predicted: Tensor,
    keep: Tensor,
    spacing: tuple[float, ...],
    settings: dict,
) -> Iterator[Region]:
    """The regions of those units of a case where `keep` is true.

    Parameters
    ----------
    files
        `body`, `structures` and `found` of the case.
    values
        Values of each named structure in `structures`; those not annotated are not there.
    predicted
        The predicted target (N, *S), bool, in the units that are kept.
    spacing
        Voxel size in mm along the unit's axes.
    settings
        With `names` of all structures, `border_mm`, `near_mm` and `dims`.
    """
    device = predicted.device
    body, structures, found = (
        read_parts(files[name], case, device, settings["dims"])[0][keep][:, 0]
        for name in ("body", "structures", "found")
    )
    always = torch.ones(len(predicted), dtype=torch.bool, device=device)
    for name in settings["names"]:
        wanted = torch.tensor(values.get(name, []), dtype=structures.dtype, device=device)
        yield Region("structure", name, torch.isin(structures, wanted), always & (name in values))
    bands = [_bands(one, spacing, settings["border_mm"], settings["near_mm"]) for one in predicted.cpu().numpy()]
    shown = predicted.flatten(1).any(1)
    for name in BANDS:
        inside = np.stack([one[name] for one in bands]) if bands else np.zeros(predicted.shape, bool)
        yield Region("distance", name, torch.from_numpy(inside).to(device), shown)
    yield Region("surroundings", OUTSIDE, body == 0, always)
    for name, value in FOUND.items():
        yield Region("surroundings", name, found == value, always)


def _bands(predicted: np.ndarray, spacing: tuple[float, ...], border: float, near: float) -> dict[str, np.ndarray]:
    """Masks by the names of `BANDS`, all False without a prediction.

    The distance to the outline is that to the middle of the nearest voxel beyond it, less half the smallest side of a
    voxel, so that there is a border on a coarse grid too.
    """
    if not predicted.any():
        return dict.fromkeys(BANDS, predicted)
    half = min(spacing) / 2
    outside = distance_transform_edt(~predicted, sampling=spacing) - half
    within = np.inf if predicted.all() else distance_transform_edt(predicted, sampling=spacing) - half
    deep, beyond = predicted & (within > border), outside > border
    return dict(zip(BANDS, (deep, ~deep & ~beyond, beyond & (outside <= near), outside > near), strict=True))
