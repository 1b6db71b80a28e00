"""What the regions of a preprocessed case are made of: all structures that its label annotates, table and text."""

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from scipy import ndimage

from unoise.data.preprocess import body_mask
from unoise.data.scenery import table_mask, text_mask
from unoise.data.volumes import open_volume, read_volume, read_voxels, spacing, write_volume
from unoise.workflow.regions import FOUND, TABLE, TEXT


def structures_case(case: str, image: Path, label: Path, body: Path, out: dict[str, Path]) -> None:
    """Bring all structures of a label, and what is found beside the patient, to the grid of the preprocessed case.

    Parameters
    ----------
    image, label
        The scan in HU and its label, as the dataset has them.
    body
        The preprocessed body of the case.
    out
        Paths of `structures` (int32, the label's own values) and `found` (uint8, values of `regions.FOUND`).

    Raises
    ------
    UserError
        As `read_volume`.
    """
    inside, affine = read_volume(body, case)
    grid = (inside.shape, affine)
    annotation = open_volume(label, case)
    values = nib.Nifti1Image(read_voxels(annotation, label, case).astype(np.int32), annotation.affine)
    structures = resample_from_to(values, grid, order=0)
    write_volume(out["structures"], np.asarray(structures.dataobj, np.int32), affine, "values of the dataset's label")

    stored = open_volume(image, case)
    scan = nib.as_closest_canonical(nib.Nifti1Image(read_voxels(stored, image, case), stored.affine))
    hu, voxel_mm = np.asarray(scan.dataobj), spacing(scan.affine)
    patient = body_mask(hu, voxel_mm)
    zoom = np.divide(spacing(affine), voxel_mm)
    reach = 2 * np.ceil(np.maximum(0, zoom - 1) / 2 - 1e-3).astype(int) + 1
    found = np.zeros(inside.shape, np.uint8)
    for name, mask in ((TABLE, table_mask(hu, patient, voxel_mm)), (TEXT, text_mask(hu, patient))):
        if name == TEXT:  # what is thinner than the new grid's voxels would fall between them
            mask = ndimage.maximum_filter(mask, tuple(reach))
        moved = resample_from_to(nib.Nifti1Image(mask.astype(np.uint8), scan.affine), grid, order=0)
        found[np.asarray(moved.dataobj) > 0] = FOUND[name]
    found[(found == FOUND[TABLE]) & (inside > 0)] = 0
    write_volume(out["found"], found, affine, "; ".join(f"{value} {name}" for name, value in FOUND.items()))
