"""The clean prediction of a case, and how good it is."""

from pathlib import Path

import numpy as np
import torch
from monai.metrics import SurfaceDistanceMetric

from unoise import tables
from unoise.compute import choose
from unoise.data.units import read_parts, volume
from unoise.data.volumes import read_volume, spacing, write_volume
from unoise.networks import THRESHOLD
from unoise.networks.segmenter import Segmenter


class PredictCases:
    """Runs a segmenter for the cases of a job.

    Parameters
    ----------
    model
        Its `<model>`.
    segmenter
        Model file.
    compute
        The config's `compute`.
    """

    def __init__(self, model: str, segmenter: Path, compute: dict):
        self.model = model
        self.compute = choose(compute, compute["case_threads"])
        self.segmenter = Segmenter.load(segmenter, self.compute)

    def __call__(self, key: dict[str, str], files: dict[str, Path], out: dict[str, Path]) -> None:
        """Write the probabilities (X, Y, Z, classes) as `prediction` and a row of `tables.SEGMENTATION` as `scores`.

        Parameters
        ----------
        key
            Values of the key columns case, patient and split.
        files
            The preprocessed `image` and `label`.
        """
        images, affine = read_parts(files["image"], key["case"], self.compute.device, self.segmenter.dims)
        reference, _ = read_volume(files["label"], key["case"])
        probabilities = self.segmenter.probabilities(images)
        channels = [volume(probabilities[:, channel]) for channel in range(len(self.segmenter.classes))]
        write_volume(
            out["prediction"],
            np.stack(channels, -1),
            affine,
            f"probabilities: {', '.join(self.segmenter.classes)}",
        )
        rows = [
            {
                "model": self.model,
                **key,
                "class": name,
                **scores(channel > THRESHOLD, reference == value, affine),
            }
            for value, (name, channel) in enumerate(zip(self.segmenter.classes, channels, strict=True), 1)
        ]
        tables.write(out["scores"], tables.SEGMENTATION, rows)


def scores(predicted: np.ndarray, label: np.ndarray, affine: np.ndarray) -> dict[str, float | None]:
    """Dice, average symmetric surface distance (mm) and volumes (ml) of two bool volumes (X, Y, Z)."""
    size = spacing(affine)
    both, total = int((predicted & label).sum()), int(predicted.sum() + label.sum())
    distance = None
    if predicted.any() and label.any():
        metric = SurfaceDistanceMetric(include_background=True, symmetric=True)
        pair = [torch.from_numpy(one[None, None].astype(np.float32)) for one in (predicted, label)]
        distance = metric(*pair, spacing=size).item()
    millilitres = float(np.prod(size)) / 1000
    return {
        "dice": 2 * both / total if total else None,
        "surface_distance": distance,
        "predicted_ml": predicted.sum() * millilitres,
        "label_ml": label.sum() * millilitres,
    }
