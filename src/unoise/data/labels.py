"""Label volumes: whole numbers, each of them known."""

from collections.abc import Iterable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from unoise.data.volumes import read_voxels
from unoise.errors import UserError


def read_labels(volume: nib.Nifti1Image, path: Path, case: str, known: Iterable[int], source: str) -> np.ndarray:
    """Voxels of an open label volume, whole numbers as float32 (X, Y, Z).

    Parameters
    ----------
    known
        The values that it may hold beside 0, as `source` lists them.

    Raises
    ------
    UserError
        As `read_voxels`, and if it holds fractions or another value.
    """
    voxels = read_voxels(volume, path, case)
    if not np.array_equal(voxels, np.round(voxels)):
        raise UserError(
            "the label holds fractions", case=case, file=path, remedy="Resample labels by nearest neighbour only"
        )
    unexpected = set(pd.unique(voxels.ravel(order="K")).tolist()) - {0, *known}
    if unexpected:
        raise UserError(
            f"the label holds the value {min(unexpected):.0f}, which is none of {source}",
            case=case,
            file=path,
            remedy="Correct the label, or name the value there",
        )
    return voxels
