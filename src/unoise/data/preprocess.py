"""From a scan as it came to the grid on which everything else works."""

import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from unoise.data.labels import read_labels
from unoise.data.volumes import open_volume, read_voxels, spacing, write_volume
from unoise.errors import UserError
from unoise.files import write_json

LOGGER = logging.getLogger("unoise")
BODY_HU = -300.0
TOLERANCE = 1e-3  # voxels


@dataclass(frozen=True)
class Source:
    """The grid a preprocessed case came from, and the window: with the volume's affine, the way back.

    Attributes
    ----------
    shape, affine
        Of the scan as stored.
    axes
        Its axis codes, such as "LPS".
    window
        HU that became 0 and 1.
    """

    shape: tuple[int, ...]
    affine: list[list[float]]
    axes: str
    window: tuple[float, float]


def preprocess_case(
    case: str,
    image: Path,
    label: Path,
    values: dict[str, int],
    slices: tuple[int, int] | None,
    settings: dict,
    classes: dict[str, list[str]],
    out: dict,
) -> None:
    """Bring one case to the common grid: axes to RAS+, resampled, cropped or padded about the body, windowed.

    Parameters
    ----------
    image, label
        NIfTI files on the same grid; the image in HU.
    values
        Structures annotated in this case with their values in the label volume.
    slices
        First axial slice and the one after the last, from the feet, where the case is a part of the scan.
    settings
        The config's `preprocess`, its window in HU.
    classes
        The config's `classes`; the k-th becomes the value k (from 1) in the new label.
    out
        Paths of `image` (float32, window units in [0, 1]), `label` (uint8), `body` (uint8) and `source` (JSON).

    Raises
    ------
    UserError
        If a file is broken, the two grids differ, or a class has no voxel.
    """
    scan, annotation = open_volume(image, case), open_volume(label, case)
    _check_same_grid(case, scan, annotation, image, label)
    hu = nib.Nifti1Image(read_voxels(scan, image, case), scan.affine)
    ids = read_labels(annotation, label, case, values.values(), "the manifest's `structures` of the case")
    ids = _class_ids(case, ids, label, values, classes)
    ids = nib.Nifti1Image(ids, scan.affine)

    hu, ids = (nib.as_closest_canonical(every_nth(one, settings["stride"])) for one in (hu, ids))
    if slices is not None:
        if slices[1] > hu.shape[2]:
            raise UserError(
                f"the manifest gives it the slices {slices[0]}:{slices[1]}, the scan has {hu.shape[2]}",
                case=case,
                file=image,
                remedy="Write the manifest anew with `unoise cases`",
            )
        hu, ids = (one.slicer[:, :, slice(*slices)] for one in (hu, ids))
    affine, hu, ids = hu.affine, np.asarray(hu.dataobj), np.asarray(ids.dataobj)
    body = body_mask(hu, spacing(affine)).astype(np.uint8)
    grid = _common_grid(body, affine, settings)
    low, high = settings["window"]
    units = (np.clip(_resample(hu, grid, order=1, outside=low), low, high) - low) / (high - low)

    ids, body = _resample(ids, grid, order=0), _resample(body, grid, order=0)
    shown = [bool((ids == value).any()) for value in range(1, len(classes) + 1)]
    for name, there in zip(classes, shown, strict=True):
        if not there and (slices is None or not any(shown)):  # a part of a scan need not show every class
            raise UserError(
                f"no voxel of class {name!r} ({', '.join(classes[name])}) is left on the preprocessed grid",
                case=case,
                file=label,
                remedy="Delete the case from the manifest, or widen preprocess.shape or make preprocess.spacing finer",
            )
    source = Source(scan.shape, scan.affine.tolist(), "".join(nib.aff2axcodes(scan.affine)), (low, high))
    placed = grid.affine(affine)
    write_volume(out["image"], units.astype(np.float32), placed, f"window units, {low:g} to {high:g} HU")
    write_volume(out["label"], ids, placed, "; ".join(f"{k} {name}" for k, name in enumerate(classes, 1)))
    write_volume(out["body"], body, placed, "inside of the patient's outline")
    write_json(out["source"], asdict(source))


def every_nth(volume: nib.Nifti1Image, stride: Sequence[int] | None) -> nib.Nifti1Image:
    """Every n-th voxel along each stored axis, from the first, without smoothing; all where `stride` is None."""
    return volume.slicer[tuple(slice(None, None, step) for step in stride)] if stride else volume


def dataset_window(images: Iterable[Path], stride: Sequence[int] | None) -> tuple[float, float]:
    """Smallest and largest HU in several scans (of every n-th voxel where a stride is given).

    Raises
    ------
    UserError
        As `open_volume` and `read_voxels`, and if all voxels have the same value.
    """
    low, high = math.inf, -math.inf
    for path in images:
        case = path.name.removesuffix(".gz").removesuffix(".nii")
        scan = open_volume(path, case)
        voxels = every_nth(nib.Nifti1Image(read_voxels(scan, path, case), scan.affine), stride).dataobj
        low, high = min(low, float(np.min(voxels))), max(high, float(np.max(voxels)))
        LOGGER.info("%s: so far %g to %g HU", case, low, high)
    if not low < high:
        raise UserError(
            f"all scans of the dataset hold one value ({low:g} HU)", remedy="Give preprocess.window two numbers in HU"
        )
    return low, high


def body_mask(hu: np.ndarray, voxel_mm: tuple[float, float, float]) -> np.ndarray:
    """Voxels inside the patient's outline: the largest connected part above -300 HU, holes of each axial slice filled.

    Parameters
    ----------
    hu
        (X, Y, Z) in RAS+ orientation.
    voxel_mm
        Voxel size; structures thinner than about 6 mm in the axial plane (a table's shell) are cut off first.
    """
    tissue = hu > BODY_HU
    steps = max(1, round(3.0 / min(voxel_mm[:2])))
    opened = ndimage.binary_opening(tissue, ndimage.generate_binary_structure(3, 1) & _AXIAL, iterations=steps)
    parts, count = ndimage.label(opened)
    if count == 0:
        return np.ones_like(tissue)
    largest = parts == 1 + np.argmax(ndimage.sum_labels(opened, parts, np.arange(1, count + 1)))
    return np.stack([ndimage.binary_fill_holes(one) for one in np.moveaxis(largest, 2, 0)], axis=2)


_AXIAL = np.zeros((3, 3, 3), bool)
_AXIAL[:, :, 1] = True


def _check_same_grid(case: str, scan: nib.Nifti1Image, annotation: nib.Nifti1Image, image: Path, label: Path) -> None:
    remedy = f"Give a label drawn on this image ({image})"
    if scan.shape != annotation.shape:
        raise UserError(
            f"its shape {annotation.shape} is not the image's {scan.shape}",
            case=case,
            file=label,
            remedy=remedy,
        )
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in scan.shape])).reshape(3, -1).T
    shift = nib.affines.apply_affine(scan.affine, corners) - nib.affines.apply_affine(annotation.affine, corners)
    if np.abs(shift).max() > 0.5 * min(spacing(scan.affine)):
        raise UserError(
            f"its affine puts it up to {np.abs(shift).max():.1f} mm from the image",
            case=case,
            file=label,
            remedy=remedy,
        )


def _class_ids(
    case: str, annotation: np.ndarray, path: Path, values: dict[str, int], classes: dict[str, list[str]]
) -> np.ndarray:
    ids = np.zeros(annotation.shape, np.uint8)
    for value, (name, structures) in enumerate(classes.items(), 1):
        wanted = [values[one] for one in structures if one in values]
        inside = np.isin(annotation, wanted)
        if not inside.any():
            raise UserError(
                f"the label holds no voxel of class {name!r} (label values {wanted})",
                case=case,
                file=path,
                remedy="Correct the label, or delete the case's line from the manifest",
            )
        ids[inside] = value
    return ids


@dataclass(frozen=True)
class Grid:
    """A grid along the axes of a scan.

    Attributes
    ----------
    shape
        Voxels.
    zoom
        Voxel size in voxels of the scan.
    first
        Where the scan's voxel coordinates put the first voxel.
    """

    shape: tuple[int, ...]
    zoom: np.ndarray
    first: np.ndarray

    def affine(self, scan: np.ndarray) -> np.ndarray:
        """Voxel indices of the grid to mm, from the scan's affine."""
        return scan @ nib.affines.from_matvec(np.diag(self.zoom), self.first)


def _common_grid(body: np.ndarray, affine: np.ndarray, settings: dict) -> Grid:
    """The grid with the wanted spacing and shape, along the scan's axes, centred on the body's box or on the scan."""
    own = np.array(spacing(affine))
    zoom = np.array([wanted / mine if wanted else 1.0 for wanted, mine in zip(settings["spacing"], own, strict=True)])
    resampled = np.maximum(1, np.round(np.array(body.shape) / zoom)).astype(int)
    shape = tuple(int(n or full) for n, full in zip(settings["shape"], resampled, strict=True))
    about_body = settings["centre"] == "body" and body.any()
    box = ndimage.find_objects(body.astype(np.int8))[0] if about_body else [slice(0, n) for n in body.shape]
    middle = np.array(
        [
            (side.start + side.stop - 1) / 2 if n else (full - 1) / 2
            for side, n, full in zip(box, settings["shape"], body.shape, strict=True)
        ]
    )
    first = middle - zoom * (np.array(shape) - 1) / 2
    return Grid(shape, zoom, np.where(zoom == 1, np.floor(first), first))  # what is not resampled is not blurred


def _resample(voxels: np.ndarray, grid: Grid, order: int, outside: float = 0.0) -> np.ndarray:
    """Values on a grid; linear resampling to larger voxels is smoothed first, against aliasing.

    The scan reaches half a voxel beyond the centres of its outermost voxels; what lies farther off is `outside`.
    """
    if order:
        voxels = ndimage.gaussian_filter(voxels, np.maximum(0, (grid.zoom - 1) / 2), mode="nearest")
    values = ndimage.affine_transform(voxels, grid.zoom, grid.first, grid.shape, order=order, mode="nearest")
    for axis, size in enumerate(voxels.shape):
        place = grid.first[axis] + grid.zoom[axis] * np.arange(grid.shape[axis])
        beyond = (place < -0.5 - TOLERANCE) | (place > size - 0.5 + TOLERANCE)
        np.moveaxis(values, axis, 0)[beyond] = outside
    return values
