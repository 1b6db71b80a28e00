"""The grid of a scan from the first bytes of its file, for estimates: no library is needed, and no voxel is read."""

import gzip
import struct
import zlib
from pathlib import Path

Grid = tuple[tuple[int, ...], tuple[float, ...]]
NIFTI1 = 348  # bytes of the header


def read_grid(path: Path) -> Grid | None:
    """Voxels and their size in mm of a NIfTI-1 scan along right, anterior, superior; None where it is none.

    Axes are put in order by the largest entry of each row of the header's `sform`, where there is one.
    """
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            header = file.read(NIFTI1)
        order = next(sign for sign in "<>" if struct.unpack_from(f"{sign}i", header)[0] == NIFTI1)
        shape, sizes = (
            struct.unpack_from(f"{order}8h", header, 40)[1:4],
            struct.unpack_from(f"{order}8f", header, 76)[1:4],
        )
        rows = [struct.unpack_from(f"{order}4f", header, 280 + 16 * row)[:3] for row in range(3)]
        placed = struct.unpack_from(f"{order}h", header, 254)[0] > 0
    except (OSError, EOFError, zlib.error, struct.error, StopIteration):
        return None
    axes = [max(range(3), key=lambda axis, row=row: abs(row[axis])) for row in rows] if placed else [0, 1, 2]
    if sorted(axes) != [0, 1, 2] or min(shape) < 1 or not min(map(abs, sizes)) > 0:
        return None
    return tuple(shape[axis] for axis in axes), tuple(abs(sizes[axis]) for axis in axes)
