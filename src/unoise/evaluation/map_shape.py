"""How concentrated importance maps are, whatever they say."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from unoise.data.volumes import read_volume


def sparsity(importance: np.ndarray) -> float | None:
    """Gini index of a map's values above its smallest one (Chalasani et al. 2020, arXiv 1810.06583).

    0 where all voxels but the smallest have one value, near 1 where a single voxel holds all. Other maps that order the
    voxels the same way may have another index: it is of the values, as the explainer gives them.

    Parameters
    ----------
    importance
        Of one unit, any shape.

    Returns
    -------
    float or None
        None where the map is constant.
    """
    mass = np.sort(_above(importance))
    if mass[-1] == 0:
        return None
    place = np.arange(1, len(mass) + 1)
    return float(((2 * place - len(mass) - 1) * mass).sum() / (len(mass) * mass.sum()))


def entropy(importance: np.ndarray) -> float | None:
    """Shannon entropy of a map, its values above the smallest as shares of their sum, over that of a flat map.

    Parameters and returns as of `sparsity`. See complexity in Bhatt, Weller and Moura 2020, arXiv 2005.00631.
    """
    mass = _above(importance)
    if mass.max() == 0:
        return None
    share = mass[mass > 0] / mass.sum()
    return float(-(share * np.log(share)).sum() / np.log(len(mass)))


def map_rows(keys: list[dict[str, str]], maps: list[Path], dims: int) -> Iterator[dict]:
    """Rows of `tables.MAPS`: means over a patient's units with a map that is not constant.

    Parameters
    ----------
    keys, maps
        The columns model, target, explainer, case and patient of each importance map, and its file.
    dims
        Of a unit.
    """
    units = []
    for key, path in zip(keys, maps, strict=True):
        importance, _ = read_volume(path, key["case"])
        named = {name: key[name] for name in ("model", "target", "explainer", "patient")}
        parts = np.moveaxis(importance, 2, 0) if dims == 2 else [importance]
        units += [{**named, "sparsity": sparsity(unit), "entropy": entropy(unit)} for unit in parts]
    found = pd.DataFrame(units).astype({"sparsity": float, "entropy": float})
    means = found.groupby(["model", "target", "explainer", "patient"], as_index=False, sort=False).mean()
    yield from means.replace({np.nan: None}).to_dict("records")


def _above(importance: np.ndarray) -> np.ndarray:
    values = importance.astype(np.float64).ravel()
    return values - values.min()
