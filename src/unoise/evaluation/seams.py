"""How far the borders of a network's windows show in the maps of volumes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unoise.data.volumes import read_volume
from unoise.networks.windows import Windows


def seam_score(importance: np.ndarray, borders: list[list[int]]) -> float | None:
    """The mean jump of a map across the windows' borders over the mean jump elsewhere: 1 without seams.

    A jump is the absolute difference of two voxels that are neighbours along an axis. The ratio is taken along each
    axis that has borders, since voxels are not cubes, then averaged.

    Parameters
    ----------
    importance
        (X, Y, Z).
    borders
        Along each axis, the voxels before which a border lies (`Windows.borders`).

    Returns
    -------
    float or None
        None where there are no borders, or where the map is flat elsewhere.
    """
    ratios = []
    for axis, places in enumerate(borders):
        jumps = np.abs(np.diff(importance.astype(np.float64), axis=axis)).mean(tuple({0, 1, 2} - {axis}))
        at_border = np.isin(np.arange(1, importance.shape[axis]), places)
        if at_border.any() and jumps[~at_border].sum() > 0:
            ratios.append(jumps[at_border].mean() / jumps[~at_border].mean())
    return float(np.mean(ratios)) if ratios else None


def seam_rows(keys: list[dict[str, str]], maps: list[Path], windows: dict[str, dict]) -> Iterator[dict]:
    """Rows of `tables.SEAMS`.

    Parameters
    ----------
    keys, maps
        Key columns of each importance map, and its file.
    windows
        By explainer, the `inference` of the network whose windows its maps may show.
    """
    for key, path in zip(keys, maps, strict=True):
        importance, _ = read_volume(path, key["case"])
        borders = Windows(**windows[key["explainer"]]).borders(importance.shape)
        yield {**key, "seam": seam_score(importance, borders)}
