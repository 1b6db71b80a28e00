"""Which slices the panel shows."""

from pathlib import Path

import nibabel as nib
import numpy as np

from unoise.data.volumes import read_volume, spacing
from unoise.networks import THRESHOLD
from unoise.report.panel import PanelRow


def panel_row(case: str, image: Path, label: Path, prediction: Path, maps: dict[str, Path], channel: int) -> PanelRow:
    """The slice of a case with most of the predicted (where there is none: labelled) organ, with its maps.

    Parameters
    ----------
    image, label, prediction
        Preprocessed volumes and the segmenter's probabilities (X, Y, Z, classes).
    maps
        Importance map of each explainer.
    channel
        Of the target's class.
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
        maps={name: np.asarray(nib.load(path).dataobj[:, :, level], np.float32) for name, path in maps.items()},
        spacing=spacing(affine)[:2],
    )
