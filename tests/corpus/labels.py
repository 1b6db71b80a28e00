"""Labels that do not fit their scan, given to preprocessing beside a sound image."""

from pathlib import Path

import numpy as np

from corpus import Malformed
from corpus.nifti import AFFINE, HU, LABEL, LIVER, cut, read, save, stored

__all__ = ["MALFORMED", "read"]


def label(name: str, said: str, content: bytes | None) -> Malformed:
    """A label of the case `scan`; None: there is none."""

    def make(folder: Path) -> None:
        save(folder, stored(HU))
        (folder / LABEL).unlink()
        if content is not None:
            save(folder, content, LABEL)

    return Malformed(name, make, ("case scan: ", LABEL, said))


def valued(value: float) -> bytes:
    voxels = LIVER.astype(np.float32)
    voxels[0, 0, 0] = value
    return stored(voxels)


def moved(**shift: float) -> np.ndarray:
    affine = AFFINE.copy()
    affine[2, 3] += shift["z"]
    return affine


MALFORMED = [
    label("fractions", "the label holds fractions", valued(0.5)),
    label("nearly whole", "the label holds fractions", valued(1.0001)),
    label("unexpected value", "the label holds the value 7, which is none of the manifest's", valued(7)),
    label("negative value", "the label holds the value -1,", valued(-1)),
    label("huge value", "the label holds the value 1000000000,", valued(1e9)),
    label("NaN", "NaN or infinite", valued(np.nan)),
    label("probabilities", "the label holds fractions", stored(np.linspace(0, 1, LIVER.size).reshape(LIVER.shape))),
    label("nothing annotated", "no voxel of class 'liver'", stored(LIVER * 0)),
    label("another structure", "no voxel of class 'liver'", stored(LIVER * 2)),
    label("another size", "its shape (19, 20, 8) is not the image's (20, 20, 8)", stored(LIVER[:-1])),
    label("axes exchanged", "its shape (8, 20, 20) is not the image's", stored(LIVER.T)),
    label("off the grid", "its affine puts it up to 6.0 mm from the image", stored(LIVER, moved(z=6))),
    label("mirrored", "its affine puts it up to", stored(LIVER, AFFINE @ np.diag([-1, 1, 1, 1]))),
    label("other voxels", "its affine puts it up to", stored(LIVER, AFFINE @ np.diag([1, 1, 2, 1]))),
    label("4D", "not 3D", stored(np.stack([LIVER, LIVER], 3))),
    label("cut short", "cut short", cut(stored(LIVER), 0.5)),
    label("RGB", "of the type RGB", stored(np.zeros(LIVER.shape, [(one, "u1") for one in "RGB"]))),
    label("no file", "the file does not exist", None),
]
