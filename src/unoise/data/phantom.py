"""Abdominal CT phantoms in HU: image, labels and geometry of as many patients as wanted, from a seed."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.ndimage import gaussian_filter

from unoise.data.anatomy import draw_anatomy
from unoise.data.canvas import Canvas, Grid
from unoise.data.phantom_patient import LABELS, Patient

__all__ = ["LABELS", "dataset_json", "generate", "write_case"]

VOXELS = 192  # along x and y
SPACING = 2.0  # mm, along x and y


def generate(seed: int, patient: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make one patient.

    Parameters
    ----------
    seed : of the data set
    patient : index in the data set; every pair of seed and index is another patient

    Returns
    -------
    hu : (X, Y, Z) int16, HU
    label : (X, Y, Z) uint8, values of `LABELS`
    affine : (4, 4) float64, voxel indices to mm, RAS+
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, patient]))
    drawn = Patient.draw(rng, VOXELS * SPACING)
    corner = -(VOXELS - 1) / 2 * SPACING - drawn.off_centre
    grid = Grid(
        shape=(VOXELS, VOXELS, drawn.slices),
        spacing=(SPACING, SPACING, drawn.spacing),
        origin=(corner[0], corner[1], drawn.bottom),
    )
    canvas = Canvas(grid, LABELS, drawn.scale, warp=2.2, rng=rng)
    draw_anatomy(canvas, drawn, rng)
    draw_table(canvas, drawn)
    hu = scan(canvas, drawn, rng)
    return np.clip(np.rint(hu), -1024, 3071).astype(np.int16), canvas.label, grid.affine


def draw_table(canvas: Canvas, patient: Patient) -> None:
    """Put the table below the patient; it is background in the labels."""
    x, y, _ = canvas.world
    surface = -patient.half_depth - 4 + (x / 75) ** 2
    table = (np.abs(y - surface + 3) < 3) & (canvas.label == 0)
    canvas.hu[table] = -150


def scan(canvas: Canvas, patient: Patient, rng: np.random.Generator) -> np.ndarray:
    """Return what a scanner makes of the attenuation: point spread, shading, streaks and noise; HU."""
    grid = canvas.grid
    width = patient.blur / SPACING
    hu = gaussian_filter(canvas.hu, (width, width, 0))
    x, y, _ = canvas.world
    radius = np.hypot(x / patient.half_width, y / patient.half_depth)
    angle = np.arctan2(y - rng.uniform(-60, 60), x - rng.uniform(-60, 60))
    streaks = np.sin(rng.integers(9, 25) * angle + rng.uniform(0, 6.28))
    artefact = rng.uniform(-6, 6) * radius**2 + rng.uniform(0, 4) * streaks
    noise = gaussian_filter(rng.standard_normal(grid.shape, dtype=np.float32), (0.6, 0.6, 0))
    noise *= patient.noise / noise.std() * (1.2 - 0.3 * np.minimum(radius, 1))
    return hu + (hu > -980) * (artefact + 3 * canvas.clumps) + noise


def write_case(image_path: Path, label_path: Path, seed: int, patient: int) -> None:
    """Write one patient as a pair of NIfTI files, each appearing whole or not at all.

    Parameters
    ----------
    image_path, label_path : of the `.nii.gz` files
    seed, patient : as in `generate`
    """
    hu, label, affine = generate(seed, patient)
    write_nifti(Path(image_path), hu, affine)
    write_nifti(Path(label_path), label, affine)


def write_nifti(path: Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    """Write a volume under a temporary name and move it to `path`."""
    image = nib.Nifti1Image(voxels, affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code="scanner")
    image.set_qform(affine, code="scanner")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        nib.save(image, temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def dataset_json(cases: list[str], labels: dict[str, int]) -> dict:
    """Content of the Decathlon `dataset.json` for these cases, all of them with these structures."""
    return {
        "name": "AbdomenPhantom",
        "description": "Synthetic abdominal CT in HU with every structure labelled",
        "licence": "Apache-2.0",
        "release": "1.0",
        "tensorImageSize": "3D",
        "modality": {"0": "CT"},
        "labels": {"0": "background"} | {str(index): name for name, index in labels.items()},
        "numTraining": len(cases),
        "numTest": 0,
        "training": [{"image": f"./imagesTr/{case}.nii.gz", "label": f"./labelsTr/{case}.nii.gz"} for case in cases],
        "test": [],
    }
