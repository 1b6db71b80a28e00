"""One patient of a planted phantom: a body, lumps that all look alike, and what tells them apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.spatial.distance import pdist

from unoise.data.canvas import Canvas, Grid, Shape
from unoise.data.phantom import write_nifti
from unoise.data.volumes import read_volume
from unoise.workflow import methods

LABELS = {"background": 0, "organ": 1, "twin": 2, "marker": 3, "second_marker": 4, "landmark": 5, "body": 6}
"""Structures; `twin` is what looks like the organ and is none."""
GONE, STAYS = "gone", "stays"

SHAPE = (64, 64, 8)
SPACING = (6.0, 6.0, 8.0)  # mm
HALF_AXES = (140.0, 115.0)  # of the body, mm
CORNER = (115.0, 115.0)  # beside the body, mm; no augmentation of a training moves it out of the image
LUMP_HU = 110.0
NO_LUMP = "no lump"
REST = 1e-4  # of a truth's map beside what is needed, at most

Place = tuple[float, float]


class Scene:
    """What the modules of the cues draw on.

    A change of the cue takes the same random draws, so that two volumes of a patient differ in the cue alone.

    Parameters
    ----------
    seed, patient
        As in `generate`.
    """

    def __init__(self, seed: int, patient: int):
        self.patient = patient
        self.rng = np.random.default_rng(np.random.SeedSequence([seed, patient]))
        corner = tuple(-(n - 1) / 2 * step for n, step in zip(SHAPE, SPACING, strict=True))
        self.canvas = Canvas(Grid(SHAPE, SPACING, corner), LABELS, (1.0, 1.0, 1.0), warp=1.5, rng=self.rng)
        x, y, _ = self.canvas.reference
        radius = np.hypot(x / HALF_AXES[0], y / HALF_AXES[1])
        self.canvas.paint(self.canvas.whole((radius - 1) * min(HALF_AXES)), "body", 10 + 25 * self.canvas.clumps)
        for place in self.places(10, within=0.72):
            self.canvas.paint(self.column(place, self.rng.uniform(8, 22)), "body", self.rng.uniform(-60, 70), texture=8)

    def places(self, count: int, apart: float = 0.0, within: float = 0.65) -> np.ndarray:
        """Places (count, 2) in the body, mm: at least `apart` mm from each other, in this part of its half axes."""
        while True:
            places = self.rng.uniform(-within, within, (count, 2)) * HALF_AXES
            if (np.hypot(*(places / HALF_AXES).T) < within).all() and (pdist(places) >= apart).all():
                return places

    def corner(self, side: int) -> Place:
        """A place beside the body: in front of it, to the right (1) or to the left (-1)."""
        return tuple(np.multiply(CORNER, (side, 1)) + self.rng.uniform(-6, 6, 2))

    def half(self) -> np.ndarray:
        """Slices (Z,), bool, in which something is shown: about half of them, without a gap."""
        count = int(self.rng.integers(3, 6))
        start = int(self.rng.integers(0, SHAPE[2] - count + 1))
        return (np.arange(SHAPE[2]) >= start) & (np.arange(SHAPE[2]) < start + count)

    def column(self, place: Place, radius: float, slices: np.ndarray | None = None) -> Shape:
        """An upright tube of a radius in mm, only in some of the slices (Z,) where they are given."""
        height = SHAPE[2] * SPACING[2]
        shape = self.canvas.tube([(*place, -height), (*place, height)], [radius, radius])
        if slices is not None:
            shape.distance[:, :, ~slices[shape.region[2]]] = 99
        return shape

    def lump(
        self, place: Place, radius: float, name: str, slices: np.ndarray | None = None, shown: bool = True
    ) -> None:
        """Paint what may be the organ; where it is not shown, only its label."""
        shape = self.column(place, radius, slices)
        if shown:
            self.canvas.paint(shape, name, LUMP_HU, texture=8)
        else:
            self.canvas.paint(shape, name, self.canvas.hu[shape.region])

    def scan(self) -> np.ndarray:
        """HU as a scanner sees it: point spread and noise."""
        noise = self.rng.normal(0, 8, SHAPE)
        return gaussian_filter(self.canvas.hu, (0.5, 0.5, 0)) + noise


def generate(cue: str, seed: int, patient: int, change: str | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make one patient.

    Parameters
    ----------
    cue
        A module of this package.
    seed, patient
        Of the data set, and the index in it.
    change
        One of the cue's `CHANGES`, or None.

    Returns
    -------
    hu : (X, Y, Z) int16, HU
    label : (X, Y, Z) uint8, values of `LABELS`
    affine : (4, 4) float64, voxel indices to mm, RAS+
    """
    scene = Scene(seed, patient)
    methods.find("data.planted", cue).load().draw(scene, change)
    hu = np.clip(np.rint(scene.scan()), -1024, 3071).astype(np.int16)
    return hu, scene.canvas.label, scene.canvas.grid.affine


def write_case(image: Path, label: Path, cue: str, seed: int, patient: int, change: str | None = None) -> None:
    """Write what `generate` makes as a pair of NIfTI files, each appearing whole or not at all."""
    hu, labels, affine = generate(cue, seed, patient, change)
    write_nifti(image, hu, affine)
    write_nifti(label, labels, affine)


def write_truth(path: Path, label: Path, cue: str) -> None:
    """Write, as a map, what a segmenter needs: 1 in the `TRUTH` of a cue, and next to nothing around it.

    The rest is not left in the order of chance: the nearer to what is needed, the sooner.

    Parameters
    ----------
    label
        As `write_case` wrote it.
    """
    labels, affine = read_volume(label, label.name)
    needed = np.isin(labels, [LABELS[name] for name in methods.find("data.planted", cue).load().TRUTH])
    distance = distance_transform_edt(~needed, sampling=SPACING)
    truth = np.where(needed, 1, REST * (1 - distance / distance.max()))
    write_nifti(path, truth.astype(np.float32), affine)
