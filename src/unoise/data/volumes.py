"""NIfTI volumes: read with checks, written whole."""

import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from unoise.errors import UserError
from unoise.files import whole_file

_UNREADABLE = (ImageFileError, HeaderDataError, EOFError, OSError, zlib.error, TypeError, ValueError)


def open_volume(path: Path, case: str, dimensions: int = 3) -> nib.Nifti1Image:
    """Open a NIfTI file of so many dimensions (its voxels are read on demand).

    Raises
    ------
    UserError
        If it is missing, no NIfTI, of other dimensions, or has no usable affine.
    """
    if not path.is_file():
        raise UserError(
            "the file does not exist", case=case, file=path, remedy="Put it there or delete the case's line"
        )
    try:
        volume = nib.load(path)
    except _UNREADABLE as error:
        raise _broken(error, case, path) from None
    if not isinstance(volume, nib.Nifti1Image):
        raise UserError("it is not a NIfTI file", case=case, file=path, remedy="Convert it to .nii.gz")
    if len(volume.shape) != dimensions or 0 in volume.shape:
        raise UserError(
            f"its shape is {volume.shape}, not {dimensions}D",
            case=case,
            file=path,
            remedy="Give one 3D scan a case",
        )
    if not _can_be_inverted(volume.affine):
        raise UserError("its affine cannot be inverted", case=case, file=path, remedy="Mend the header's orientation")
    return volume


def read_voxels(volume: nib.Nifti1Image, path: Path, case: str) -> np.ndarray:
    """Voxels of an open volume as float32 (X, Y, Z), scaled by the header.

    Raises
    ------
    UserError
        If the file is cut short or holds values that are not finite.
    """
    try:
        voxels = volume.get_fdata(dtype=np.float32)
    except _UNREADABLE as error:
        raise _broken(error, case, path) from None
    if not np.isfinite(voxels).all():
        raise UserError(
            "it holds NaN or infinite voxels", case=case, file=path, remedy="Replace them, e.g. by -1000 HU"
        )
    return voxels


def read_volume(path: Path, case: str, dimensions: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Voxels (float32, (X, Y, Z)) and affine (float64, (4, 4)) of a volume; raises as the two functions above."""
    volume = open_volume(path, case, dimensions)
    return read_voxels(volume, path, case), volume.affine


def write_volume(path: Path, voxels: np.ndarray, affine: np.ndarray, description: str = "") -> None:
    """Write a NIfTI-1 file in millimetres, whole or not at all; the description has at most 79 bytes.

    Raises
    ------
    ValueError
        If there is no voxel or not three or four axes, a voxel or the affine is not finite, the affine cannot be
        inverted, or a header cannot hold it.
    """
    if voxels.ndim not in (3, 4) or 0 in voxels.shape:
        raise ValueError(f"a volume of shape {voxels.shape} is not written to {path}: 3 or 4 axes, none empty")
    if not np.isfinite(voxels).all():
        raise ValueError(f"{int((~np.isfinite(voxels)).sum())} voxels for {path} are not finite; it is not written")
    if not _can_be_inverted(affine):
        raise ValueError(f"the affine for {path} cannot be inverted; it is not written")
    image = nib.Nifti1Image(voxels, affine)
    image.set_sform(affine, code="scanner")
    image.set_qform(affine, code="scanner")
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = description.encode()[:79]
    with whole_file(path) as temporary:
        nib.save(image, temporary)
        there = nib.load(temporary)
        if there.shape != voxels.shape or not np.allclose(there.affine, affine, rtol=1e-5, atol=1e-4):
            raise ValueError(f"the grid that {path} would have on disk is another than that of its voxels")


def spacing(affine: np.ndarray) -> tuple[float, float, float]:
    """Voxel size in mm along the three axes."""
    return tuple(float(size) for size in nib.affines.voxel_sizes(affine))


def _can_be_inverted(affine: np.ndarray) -> bool:
    return bool(np.isfinite(affine).all()) and abs(np.linalg.det(affine[:3, :3])) >= 1e-6


def _broken(error: Exception, case: str, path: Path) -> UserError:
    reason = " ".join(str(error).split())[:200]
    return UserError(
        f"it cannot be read as NIfTI; it may be cut short ({reason})",
        case=case,
        file=path,
        remedy="Copy the file again",
    )
