"""Supervoxels: parts of a unit that are alike and lie together (as SLIC, Achanta et al. 2012)."""

from math import prod

import numpy as np
import torch
from scipy.cluster.vq import vq
from torch import Tensor

ROUNDS = 5  # of the k-means


def supervoxels(image: Tensor, spacing: tuple[float, ...], count: int, compactness: float) -> Tensor:
    """Which of about `count` supervoxels each voxel of an image (*S) belongs to: (*S) int64, from 0 without gaps.

    k-means of place and value from centres on a grid, over the whole image; supervoxels need not be connected.

    Parameters
    ----------
    image
        In window units.
    spacing
        Voxel size in mm.
    compactness
        Difference in window units that weighs as much as the mean distance between two centres.
    """
    shape = tuple(image.shape)
    step = (prod(shape) * prod(spacing) / count) ** (1 / len(shape))  # mm between centres
    grid = np.indices(shape)
    cells = [max(1, round(size * mm / step)) for size, mm in zip(shape, spacing, strict=True)]
    start = [places * n // size for places, n, size in zip(grid, cells, shape, strict=True)]
    labels = np.ravel_multi_index(start, cells).ravel()
    places = [axis * mm / step for axis, mm in zip(grid, spacing, strict=True)]
    points = np.stack([*places, image.cpu().numpy() / compactness], -1).reshape(-1, len(shape) + 1)
    for _ in range(ROUNDS):
        labels, _ = vq(points, _means(points, labels))
    return torch.from_numpy(_without_gaps(labels).reshape(shape)).to(image.device)


def _means(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean (L, D) of the points (N, D) of each label that occurs."""
    labels = _without_gaps(labels)
    sums = np.stack([np.bincount(labels, axis) for axis in points.T], -1)
    return sums / np.bincount(labels)[:, None]


def _without_gaps(labels: np.ndarray) -> np.ndarray:
    return np.unique(labels, return_inverse=True)[1]
