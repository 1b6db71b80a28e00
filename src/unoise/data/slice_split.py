"""Dividing the slices of a dataset, not its patients: the published way, in which a patient can lie on both sides."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from unoise.data.preprocess import every_nth
from unoise.data.volumes import open_volume, read_voxels
from unoise.workflow.manifest import SPLITS


@dataclass(frozen=True)
class Scan:
    """Which axial slices of a scan show a class.

    Attributes
    ----------
    name
        Of the case in the dataset.
    shows
        (Z,) bool, in the order in which the file stores the slices.
    descending
        Whether that order goes from the head to the feet.
    """

    name: str
    shows: np.ndarray
    descending: bool


def shown_slices(name: str, label: Path, values: list[int], stride: list[int] | None) -> Scan:
    """Look through a label volume; a slice shows a class if one of its every n-th voxels has one of the values."""
    volume = open_volume(label, name)
    ids = nib.Nifti1Image(read_voxels(volume, label, name), volume.affine)
    orientation = nib.io_orientation(volume.affine)
    axis = orientation[:, 0].tolist().index(2)
    voxels = np.asarray(every_nth(ids, stride).dataobj)
    shows = np.isin(voxels, values).any(axis=tuple({0, 1, 2} - {axis}))
    return Scan(name, shows, bool(orientation[axis, 1] < 0))


def divide(scans: list[Scan], shares: dict[str, float], first_slices: int | None) -> Iterator[tuple[str, str, str]]:
    """Give the slices that show a class to the splits, in the order of the scans: the first to training, and so on.

    Parameters
    ----------
    first_slices
        How many slices, of all, are looked at; None: all.

    Yields
    ------
    tuple
        Name of a scan, a split, and the range of its slices there, counted from the feet, as "20:35".
    """
    looked_at, seen = [], 0
    for scan in scans:
        left = len(scan.shows) if first_slices is None else max(0, min(len(scan.shows), first_slices - seen))
        looked_at.append((scan, np.flatnonzero(scan.shows[:left])))
        seen += left
    total = sum(len(shown) for _, shown in looked_at)
    weight = np.cumsum([shares.get(split, 0) for split in SPLITS])
    ends = np.floor(total * weight / weight[-1] + 1e-9).astype(int)
    number = 0
    for scan, shown in looked_at:
        split_of = np.searchsorted(ends, np.arange(number, number + len(shown)), side="right")
        number += len(shown)
        for place in np.unique(split_of):
            mine = shown[split_of == place]
            start, stop = int(mine[0]), int(mine[-1]) + 1
            if scan.descending:
                start, stop = len(scan.shows) - stop, len(scan.shows) - start
            yield scan.name, SPLITS[place], f"{start}:{stop}"
