"""What a scan shows beside the patient: the table under it, and text burned into its slices. Plain heuristics in HU."""

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.csgraph import connected_components

from unoise.data.preprocess import BODY_HU

TABLE_MM = 100.0
EDGE_HU = -700.0
TEXT_HU = 200.0
TEXT_VOXELS = 8
REPEATED = 0.9


def table_mask(hu: np.ndarray, body: np.ndarray, voxel_mm: tuple[float, float, float]) -> np.ndarray:
    """The table: connected voxels above -300 HU outside the body, 100 mm wide or more, that reach below the body.

    Voxels that touch them belong to it from -700 HU up: its blurred edge. Below is towards the back, on which patients
    lie: the table of one in another position is not found, nor are the foam in it, a cushion of more than 6 mm that
    touches the patient, and what is too narrow.

    Parameters
    ----------
    hu, body
        (X, Y, Z) in RAS+ orientation; `body` is that of `unoise.data.preprocess.body_mask`.
    voxel_mm
        Voxel size.
    """
    found = np.zeros_like(body)
    if not body.any():
        return found
    back = np.flatnonzero(body.any(axis=(0, 2)))[0]
    parts, _ = ndimage.label((hu > BODY_HU) & ~body, ndimage.generate_binary_structure(3, 3))
    for number, (x, y, z) in enumerate(ndimage.find_objects(parts), 1):
        if (x.stop - x.start) * voxel_mm[0] >= TABLE_MM and y.start < back:
            found[x, y, z] |= parts[x, y, z] == number
    edge = ndimage.binary_dilation(found, ndimage.generate_binary_structure(3, 3))
    return found | (edge & (hu > EDGE_HU) & ~body)


def text_mask(hu: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Burned-in text: in a slice, 8 or more touching voxels of one and the same value above 200 HU.

    Of these, the parts that reach out of the body, and those inside it whose voxels have the same value in a slice
    beside. Noise makes such parts rare where a scanner measured. Not found: dark, grey or smoothed letters, and letters
    of fewer voxels. Found though no text: metal at the upper end of the scale, if it is outside of the body or runs
    through several slices, and bright areas of images without noise.

    Parameters
    ----------
    hu, body
        (X, Y, Z), as above.
    """
    found = np.zeros_like(body)
    for z in range(hu.shape[2]):
        bright = hu[:, :, z] > TEXT_HU
        if bright.sum() < TEXT_VOXELS:
            continue
        parts = _constant_parts(hu[:, :, z], bright)
        beside = [hu[:, :, n] == hu[:, :, z] for n in (z - 1, z + 1) if 0 <= n < hu.shape[2]]
        repeated = np.logical_or.reduce([np.zeros_like(bright), *beside])
        numbers = np.arange(1, parts.max() + 1)
        large = ndimage.sum_labels(bright, parts, numbers) >= TEXT_VOXELS
        outside = ndimage.maximum((~body[:, :, z]).astype(int), parts, numbers) > 0
        same = ndimage.mean(repeated, parts, numbers) >= REPEATED
        found[:, :, z] = np.isin(parts, numbers[large & (outside | same)])
    return found


def _constant_parts(values: np.ndarray, bright: np.ndarray) -> np.ndarray:
    """Parts (X, Y) of touching bright voxels, corners too, of one value: numbers from 1, 0 elsewhere."""
    place = np.full(np.add(values.shape, 2), -1)
    place[1:-1, 1:-1][bright] = np.arange(bright.sum())
    value = np.pad(values, 1)
    pairs = []
    for dx, dy in ((1, 0), (0, 1), (1, 1), (1, -1)):
        there = np.roll(place, (-dx, -dy), (0, 1))
        same = (place >= 0) & (there >= 0) & (np.roll(value, (-dx, -dy), (0, 1)) == value)
        pairs.append(np.stack([place[same], there[same]]))
    first, second = np.concatenate(pairs, axis=1)
    graph = sparse.coo_array((np.ones(len(first)), (first, second)), shape=(bright.sum(),) * 2)
    parts = np.zeros(values.shape, int)
    parts[bright] = connected_components(graph, directed=False)[1] + 1
    return parts
