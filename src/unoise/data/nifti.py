"""NIfTI headers from anywhere: read without following them, and what is wrong with them."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import nibabel as nib
import numpy as np
from nibabel.nifti1 import data_type_codes

MOST_VOXELS = 2**30
MOST_BYTES_BEFORE = 2**24  # of header extensions
DEFLATE_RATIO = 1032  # what a compressed byte can hold at most
SPACING_MM = (0.01, 100.0)
SKEW = 0.01  # cosine of the angle between two axes
_UNITS = {1: "metres", 3: "micrometres"}
_KINDS = {b"n+1": nib.Nifti1Header, b"n+2": nib.Nifti2Header}

Header = nib.Nifti1Header


def is_compressed(path: Path) -> bool:
    """Whether a file's name says that it is compressed."""
    return path.suffix.lower() == ".gz"


def open_stream(path: Path) -> BinaryIO:
    """The content of a .nii or .nii.gz file."""
    return gzip.open(path) if is_compressed(path) else path.open("rb")


def read_header(path: Path) -> Header | None:
    """The header of a NIfTI-1 or NIfTI-2 file as it stands, in either byte order; None where there is none.

    No extension is read, whatever its size is said to be.
    """
    with open_stream(path) as file:
        start = file.read(nib.Nifti2Header.sizeof_hdr)
    for kind, place in ((nib.Nifti1Header, slice(344, 347)), (nib.Nifti2Header, slice(4, 7))):
        if len(start) >= kind.sizeof_hdr and _KINDS.get(start[place]) is kind:
            return kind(start[: kind.sizeof_hdr], check=False)
    return None


def faults(header: Header, dimensions: int, file_size: int, compressed: bool) -> Iterator[tuple[str, str]]:
    """What is wrong with a header and what to do about it, the gravest first; nothing where it can be trusted.

    Trailing axes of one voxel do not count as dimensions.

    Parameters
    ----------
    dimensions
        How many the volume should have.
    file_size
        In bytes; `compressed` says whether they are.
    """
    count = int(header["dim"][0])
    shape = tuple(header["dim"][1 : count + 1].tolist())
    if count not in range(1, 8) or len(drop_singletons(shape, dimensions)) != dimensions or min(shape) < 1:
        yield f"its shape is {shape}, not {dimensions}D", "Give one 3D scan a case"
        return
    fault = _type_fault(header)
    yield from [fault] if fault else _size_faults(header, shape, file_size * (DEFLATE_RATIO if compressed else 1))
    yield from _scaling_faults(header)
    yield from _geometry_faults(header)


def drop_singletons(shape: tuple[int, ...], dimensions: int) -> tuple[int, ...]:
    """A shape without the trailing axes of one voxel that it has beyond so many dimensions."""
    return shape[:dimensions] if set(shape[dimensions:]) <= {1} else shape


def _type_fault(header: Header) -> tuple[str, str] | None:
    code = int(header["datatype"])
    known = code in data_type_codes
    kind = header.get_data_dtype() if known else None
    if kind is not None and kind.kind in "iuf" and kind.itemsize <= 8:
        return None
    name = data_type_codes.label[code] if known else f"code {code}"
    return f"its voxels are of the type {name}, not one real number each", "Convert it to 16-bit integers or floats"


def _size_faults(header: Header, shape: tuple[int, ...], room: int) -> Iterator[tuple[str, str]]:
    voxels, offset = int(np.prod(shape, dtype=object)), float(header["vox_offset"])
    if not header.sizeof_hdr <= offset <= MOST_BYTES_BEFORE:
        yield f"its header puts the first voxel at byte {offset:g}", "Copy the file again, or write it anew"
        return
    if voxels > MOST_VOXELS:
        yield f"its header announces {voxels:,} voxels, more than {MOST_VOXELS:,}", "Crop or resample the scan"
    announced = int(offset) + voxels * header.get_data_dtype().itemsize
    if announced > room:
        yield (
            f"it may be cut short: its header announces {announced:,} bytes, more than it holds",
            "Copy the file again",
        )


def _scaling_faults(header: Header) -> Iterator[tuple[str, str]]:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not slope or not np.isfinite([slope, intercept]).all():
        yield (
            f"its header scales voxels by a slope of {slope:g} and an intercept of {intercept:g}",
            "Write the true ones into scl_slope and scl_inter, 1 and 0 where the voxels are what they say",
        )


def _geometry_faults(header: Header) -> Iterator[tuple[str, str]]:
    units = int(header["xyzt_units"]) & 7
    if units not in (0, 2):
        yield (
            f"its header gives lengths in {_UNITS.get(units, f'a unit of the code {units}')}, not in mm",
            "Convert its spacing and affine to mm",
        )
    remedy = "Write the true voxel size in mm into the header"
    pixdim = header["pixdim"][1:4]
    if not (np.isfinite(pixdim).all() and (pixdim > 0).all()):
        yield f"its header gives a spacing of {' x '.join(f'{one:g}' for one in pixdim)} mm", remedy
        return
    affine = header.get_best_affine()
    if not np.isfinite(affine).all():
        yield "its affine holds NaN or infinite values", "Mend the header's orientation"
        return
    spacing = nib.affines.voxel_sizes(affine)
    if spacing.min() < SPACING_MM[0] or spacing.max() > SPACING_MM[1]:
        sizes = " x ".join(f"{one:g}" for one in spacing)
        yield f"by its affine voxels measure {sizes} mm, outside of {SPACING_MM[0]:g} to {SPACING_MM[1]:g} mm", remedy
        return
    axes = affine[:3, :3] / spacing
    skew = np.abs(axes.T @ axes - np.eye(3)).max()
    if skew > SKEW:
        yield (
            f"its axes are not at right angles (off by up to {np.degrees(np.arcsin(min(skew, 1))):.1f} degrees)",
            "Resample it onto a grid with right angles; scans with a tilted gantry need this",
        )
