"""Which slices the panel shows."""

from pathlib import Path

import nibabel as nib
import numpy as np
import torch

from unoise.data.units import read_parts, read_units, volume
from unoise.data.volumes import spacing
from unoise.report.panel import PanelRow, ranks
from unoise.targets.base import make_target


def panel_row(
    case: str, image: Path, label: Path, prediction: Path, maps: dict[str, Path], settings: dict, dims: int
) -> PanelRow:
    """The slice of a case with most of the target (where there is none: of the labelled organ), with its maps.

    Parameters
    ----------
    image, label, prediction
        Preprocessed volumes and the segmenter's probabilities (X, Y, Z, classes).
    maps
        Importance map of each explainer.
    settings
        `target`, an entry of the config's `targets`; `classes`, the names of the segmenter's.
    dims
        Of a unit, within which the maps' voxels are ranked.
    """
    cpu, target = torch.device("cpu"), make_target(settings["target"], settings["classes"])
    units, affine = read_units(case, image, prediction, cpu, dims)
    values = read_parts(label, case, cpu, dims)[0][:, 0]
    place = target.place(target.locate(units, values).probabilities)
    organs = (values == target.channel + 1, target.predicted(units.probabilities), place)
    labelled, predicted, shown = (volume(one) > 0 for one in organs)
    level = int(np.argmax((shown if shown.any() else labelled).sum((0, 1))))
    return PanelRow(
        case=case,
        level=level,
        image=volume(units.images[:, 0])[:, :, level],
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
