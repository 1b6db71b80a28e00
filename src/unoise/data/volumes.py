"""NIfTI volumes: read with checks, written whole."""

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.arrayproxy import ArrayProxy

from unoise.data.nifti import Header, drop_singletons, faults, is_compressed, open_stream, read_header
from unoise.errors import UserError
from unoise.files import whole_file

MOST_BYTES_AFTER = 2**20  # of padding


def open_volume(path: Path, case: str, dimensions: int = 3) -> nib.Nifti1Image:
    """Open a NIfTI file of so many dimensions (its voxels are read by `read_voxels`).

    Raises
    ------
    UserError
        If it is missing, no NIfTI, of other dimensions, or its header cannot be trusted (see `unoise.data.nifti`).
    """
    if not path.is_file():
        raise UserError(
            "the file does not exist", case=case, file=path, remedy="Put it there or delete the case's line"
        )
    try:
        header = read_header(path)
        size, compressed = path.stat().st_size, is_compressed(path)
        fault = next(faults(header, dimensions, size, compressed), None) if header else None
        volume = None if header is None or fault else _volume(path, header, dimensions)
    except Exception as error:  # a parser of foreign bytes may raise anything
        raise _broken(error, case, path) from None
    if header is None:
        raise UserError(
            "it is not a NIfTI file, or cut short: it cannot be read as NIfTI",
            case=case,
            file=path,
            remedy="Convert it to .nii.gz, or copy it again",
        )
    if fault:
        raise UserError(fault[0], case=case, file=path, remedy=fault[1])
    return volume


def read_voxels(volume: nib.Nifti1Image, path: Path, case: str) -> np.ndarray:
    """Voxels of an open volume as float32 (X, Y, Z), scaled by its header.

    Raises
    ------
    UserError
        If the file is cut short or damaged, goes on long after its voxels, or holds values that are not finite.
    """
    try:
        with open_stream(path) as file, np.errstate(over="ignore"):  # what is too large for float32 is found below
            proxy = volume.dataobj
            stored = ArrayProxy(file, (proxy.shape, proxy.dtype, proxy.offset, proxy.slope, proxy.inter), mmap=False)
            voxels = np.asarray(stored, dtype=np.float32)
            rest = len(file.read(MOST_BYTES_AFTER + 1))  # to the end, where a compressed file has its checksum
    except Exception as error:  # a parser of foreign bytes may raise anything
        raise _broken(error, case, path) from None
    if rest > MOST_BYTES_AFTER:
        raise UserError(
            "it goes on after the voxels that its header announces",
            case=case,
            file=path,
            remedy="Copy the file again, or write it anew",
        )
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


def _volume(path: Path, header: Header, dimensions: int) -> nib.Nifti1Image:
    header.set_data_shape(drop_singletons(header.get_data_shape(), dimensions))
    kind = nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image
    return kind(ArrayProxy(path, header), header.get_best_affine(), header)


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
