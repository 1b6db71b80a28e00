"""From importance maps to masks of exactly the wanted visibility."""

import torch
from torch import Tensor
from torch.nn import functional

from unoise.compute import normal
from unoise.data.units import Units

COARSENESS = 8
_MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


def tie_breakers(units: Units, seed: int) -> Tensor:
    """One smooth random field a unit (N, *S), the same for all explainers."""
    shape = units.images.shape[2:]
    coarse = [size // COARSENESS + 2 for size in shape]
    keys = [(seed, "ties", units.case, index) for index in units.index]
    field = normal(keys, (1, *coarse), units.images.device)
    return functional.interpolate(field, shape, mode=_MODES[len(shape)])[:, 0]


def ranks(importance: Tensor, fields: Tensor) -> Tensor:
    """Places of the voxels in descending importance, ties in descending order of the field.

    Parameters
    ----------
    importance, fields
        (N, *S).

    Returns
    -------
    Tensor
        (N, *S) int64, a permutation of 0 … voxels − 1 in each unit.
    """
    flat, field = importance.flatten(1), fields.flatten(1)
    by_field = field.argsort(dim=1, descending=True, stable=True)
    order = by_field.gather(1, flat.gather(1, by_field).argsort(dim=1, descending=True, stable=True))
    places = torch.arange(flat.shape[1], device=flat.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places).reshape(importance.shape)


def visible(places: Tensor, visibility: float, order: str) -> Tensor:
    """Mask (N, *S), bool, that leaves exactly round(visibility · voxels) of each unit visible.

    Parameters
    ----------
    places
        From `ranks`.
    order
        "kept_first": the most important stay; "removed_first": they go.
    """
    voxels = places[0].numel()
    count = round(visibility * voxels)
    return {"kept_first": places < count, "removed_first": places >= voxels - count}[order]
