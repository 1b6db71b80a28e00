"""Which slices the panel shows."""

from pathlib import Path

import nibabel as nib
import numpy as np

from unoise.data.volumes import read_volume, spacing
from unoise.networks import THRESHOLD
from unoise.report.panel import PanelRow, ranks


def panel_row(
    case: str, image: Path, label: Path, prediction: Path, maps: dict[str, Path], channel: int, dims: int
) -> PanelRow:
    """The slice of a case with most of the predicted (where there is none: labelled) organ, with its maps.

    Parameters
    ----------
    image, label, prediction
        Preprocessed volumes and the segmenter's probabilities (X, Y, Z, classes).
    maps
        Importance map of each explainer.
    channel
        Of the target's class.
    dims
        Of a unit, within which the maps' voxels are ranked.
    """
    scan, affine = read_volume(image, case)
    labelled = read_volume(label, case)[0] == channel + 1
    predicted = read_volume(prediction, case, dimensions=4)[0][..., channel] > THRESHOLD
    level = int(np.argmax((predicted if predicted.any() else labelled).sum((0, 1))))
    return PanelRow(
        case=case,
        level=level,
        image=scan[:, :, level],
        label=labelled[:, :, level],
        prediction=predicted[:, :, level],
        maps={name: _ranked(path, level, dims) for name, path in maps.items()},
        spacing=spacing(affine)[:2],
    )


def _ranked(path: Path, level: int, dims: int) -> np.ndarray:
    """Ranks (X, Y) of a slice's voxels, within the slice or within the volume."""
    stored = nib.load(path).dataobj
    if dims == 2:
        return ranks(np.asarray(stored[:, :, level], np.float32))
    return ranks(np.asarray(stored, np.float32))[:, :, level]
