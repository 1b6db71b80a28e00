"""A map that somebody made elsewhere, one NIfTI file a case."""

import logging
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from scipy.ndimage import gaussian_filter
from torch import Tensor

from unoise.data.units import Units, cut
from unoise.data.volumes import open_volume, read_voxels, spacing
from unoise.errors import UserError
from unoise.explainers.base import Context, Explainer

SETTINGS = {
    "folder": {
        "type": "string",
        "minLength": 1,
        "description": "Folder of the maps, <case>.nii.gz; ${VARIABLE} is read from the environment",
    }
}
NEEDS = ("map",)
LOGGER = logging.getLogger("unoise")
TOLERANCE_MM = 1e-3


class External(Explainer):
    """The file's values.

    From another grid by linear interpolation, after a Gaussian against aliasing where it is finer; voxels beyond it are
    as important as its least important one.
    """

    def __init__(self, context: Context, folder: str):
        super().__init__(context)
        self.folder = Path(folder)

    def begin(self, case: str, files: dict[str, Path]) -> None:
        path = self.folder / f"{case}.nii.gz"
        voxels = _placed(_open(path, self.folder, case), open_volume(files["image"], case), path, case)
        self.maps = cut(voxels[None], self.context.compute.device, self.context.segmenter.dims)[:, 0]

    def explain(self, units: Units) -> Tensor:
        return self.maps[list(units.index)]


def _placed(given: nib.Nifti1Image, grid: nib.Nifti1Image, path: Path, case: str) -> np.ndarray:
    """The voxels (X, Y, Z), float32, of a volume from the file `path`, on the grid of an image.

    Raises
    ------
    UserError
        If they are not finite, all the same, or do not overlap the image.
    """
    voxels = read_voxels(given, path, case)
    if np.ptp(voxels) == 0:
        raise UserError(
            f"all values of the map are {voxels.flat[0]:g}",
            case=case,
            file=path,
            remedy="Give a map that tells voxels apart",
        )
    if given.shape == grid.shape and np.allclose(given.affine, grid.affine, atol=TOLERANCE_MM):
        return voxels
    given = nib.as_closest_canonical(nib.Nifti1Image(voxels, given.affine))
    ratio = np.array(spacing(grid.affine)) / spacing(given.affine)
    smooth = gaussian_filter(given.get_fdata(dtype=np.float32), np.maximum(0, (ratio - 1) / 2), mode="nearest")
    everywhere = nib.Nifti1Image(np.ones_like(smooth), given.affine)
    covered = resample_from_to(everywhere, grid, order=0, mode="grid-constant").get_fdata() > 0
    if not covered.any():
        raise UserError(
            "the map lies beside the image: no voxel is in both",
            case=case,
            file=path,
            remedy="Give it the affine of the scan that it explains",
        )
    LOGGER.info("%s: %s is on another grid: resampled; it covers %.0f %%", case, path, 100 * covered.mean())
    placed = resample_from_to(nib.Nifti1Image(smooth, given.affine), grid, order=1, mode="nearest")
    return np.where(covered, placed.get_fdata(dtype=np.float32), voxels.min())


def _open(path: Path, folder: Path, case: str) -> nib.Nifti1Image:
    if not path.is_file():
        remedy = f"Put the map there as {path.name}, or take the explainer out of `explainers:`"
        raise UserError("the map does not exist", case=case, file=path, remedy=remedy)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise UserError(
            f"it is a link to {path.resolve()}, outside of the folder",
            case=case,
            file=path,
            remedy="Put the map itself into the folder",
        )
    return open_volume(path, case)


EXPLAINER = External
