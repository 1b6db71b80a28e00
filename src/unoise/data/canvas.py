"""Smooth implicit shapes painted on a CT grid: the drawing tools of the phantom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator, make_interp_spline

Region = tuple[slice, slice, slice]
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Grid:
    """Regular grid of voxel centres, RAS+ axes.

    Parameters
    ----------
    shape : voxels along x (to the patient's right), y (anterior) and z (superior)
    spacing : mm
    origin : centre of voxel (0, 0, 0), mm
    """

    shape: tuple[int, int, int]
    spacing: Point
    origin: Point

    @property
    def affine(self) -> np.ndarray:
        """Voxel indices to mm, RAS+."""
        affine = np.diag([*self.spacing, 1.0])
        affine[:3, 3] = self.origin
        return affine

    def axes(self) -> list[np.ndarray]:
        """Coordinates of the voxel centres along each axis, mm, float32."""
        return [
            (start + step * np.arange(n)).astype(np.float32)
            for n, step, start in zip(self.shape, self.spacing, self.origin, strict=True)
        ]

    def smooth_field(self, rng: np.random.Generator, scale: float) -> np.ndarray:
        """Random field with mean 0, standard deviation about 1 and a correlation length of `scale` mm."""
        weights = []
        for axis in self.axes():
            knots = np.arange(axis[0] - 2 * scale, axis[-1] + 2 * scale, scale)
            kernel = np.exp(-0.5 * ((axis[:, None] - knots) / (0.7 * scale)) ** 2)
            weights.append((kernel / np.sqrt((kernel**2).sum(axis=1, keepdims=True))).astype(np.float32))
        along_x, along_y, along_z = weights
        coarse = rng.standard_normal([w.shape[1] for w in weights], dtype=np.float32)
        slabs = along_y @ (coarse @ along_z.T)
        return (along_x @ slabs.reshape(len(slabs), -1)).reshape(self.shape)


@dataclass
class Shape:
    """Signed distance in mm (negative inside) on a region of the grid."""

    region: Region
    distance: np.ndarray

    def shrunk(self, by: float | np.ndarray) -> Shape:
        """The shape with its surface moved inwards by `by` mm."""
        return Shape(self.region, self.distance + by)

    def within(self, distance: np.ndarray) -> Shape:
        """Intersection with a signed distance given on the whole grid, mm."""
        return Shape(self.region, np.maximum(self.distance, distance[self.region]))

    def above(self, level: float | np.ndarray, height: np.ndarray) -> Shape:
        """The part where `height`, given on the whole grid, exceeds `level`, mm."""
        return self.within(level - height)


class Canvas:
    """Attenuation (HU) and labels, painted structure after structure.

    Shapes are given in reference coordinates: mm in a body of standard size, which `scale` and a smooth
    random displacement map on the patient's own.

    Parameters
    ----------
    grid : voxel grid of the scan
    labels : id of every structure
    scale : patient mm per reference mm along x, y, z
    warp : standard deviation of the displacement, mm
    rng : source of displacement and textures
    """

    def __init__(self, grid: Grid, labels: dict[str, int], scale: Point, warp: float, rng: np.random.Generator) -> None:
        self.grid, self.labels, self.scale = grid, labels, scale
        self.hu = np.full(grid.shape, -1000, np.float32)
        self.label = np.zeros(grid.shape, np.uint8)
        self.world = np.meshgrid(*grid.axes(), indexing="ij", sparse=True)
        self.reference = [
            axis / np.float32(factor) + np.float32(warp) * grid.smooth_field(rng, 55)
            for axis, factor in zip(self.world, scale, strict=True)
        ]
        self.grain = grid.smooth_field(rng, 5)
        self.lobules = grid.smooth_field(rng, 8)
        self.clumps = grid.smooth_field(rng, 16)
        self._reach = 3.5 * warp

    def region(self, low: Sequence[float], high: Sequence[float], margin: float = 4.0) -> Region:
        """The part of the grid that holds the reference box from `low` to `high`, mm."""
        slices = []
        for axis in range(3):
            limits = np.array([low[axis] - margin - self._reach, high[axis] + margin + self._reach])
            index = (limits * self.scale[axis] - self.grid.origin[axis]) / self.grid.spacing[axis]
            start, stop = np.clip([np.floor(index[0]), np.ceil(index[1]) + 1], 0, self.grid.shape[axis])
            slices.append(slice(int(start), int(stop)))
        return tuple(slices)

    def ellipsoid(self, center: Point, radii: Point, rotation: float = 0.0) -> Shape:
        """Ellipsoid, turned about its z axis by `rotation` degrees."""
        reach = (max(radii[:2]), max(radii[:2]), radii[2])
        region = self.region(np.subtract(center, reach), np.add(center, reach))
        x, y, z = (axis[region] - np.float32(c) for axis, c in zip(self.reference, center, strict=True))
        cos, sin = np.float32(np.cos(np.deg2rad(rotation))), np.float32(np.sin(np.deg2rad(rotation)))
        unit = [p / np.float32(r) for p, r in zip((cos * x + sin * y, cos * y - sin * x, z), radii, strict=True)]
        norm = np.sqrt(sum(u * u for u in unit))
        slope = np.sqrt(sum((u / np.float32(r)) ** 2 for u, r in zip(unit, radii, strict=True)))
        return Shape(region, norm * (norm - 1) / (slope + np.float32(1e-6)))

    def tube(self, points: Sequence[Point], radii: Sequence[float], stretch: float = 1.0) -> Shape:
        """Tube of varying radius about a smooth curve through `points`.

        Parameters
        ----------
        points : of the centreline, mm
        radii : of the tube at the points, mm
        stretch : height of the cross-section along z over its width
        """
        line, radius = centreline(points, radii)
        height = np.array([1, 1, stretch])
        low, high = line - radius[:, None] * height, line + radius[:, None] * height
        region = self.region(low.min(axis=0), high.max(axis=0))
        distance = np.full([s.stop - s.start for s in region], 99, np.float32)
        for i in range(len(line) - 1):
            part = self.region(np.minimum(low[i], low[i + 1]), np.maximum(high[i], high[i + 1]))
            starts = [r.start for r in region]
            inner = tuple(slice(p.start - s, p.stop - s) for p, s in zip(part, starts, strict=True))
            capsule = self._capsule(part, line[i], line[i + 1], radius[i], radius[i + 1], stretch)
            distance[inner] = np.minimum(distance[inner], capsule)
        return Shape(region, distance)

    def _capsule(
        self, region: Region, start: np.ndarray, end: np.ndarray, first: float, last: float, stretch: float
    ) -> np.ndarray:
        factor = (1.0, 1.0, 1 / stretch)
        offset = [
            (axis[region] - np.float32(s)) * np.float32(f)
            for axis, s, f in zip(self.reference, start, factor, strict=True)
        ]
        along = (end - start) * factor
        share = sum(o * np.float32(a) for o, a in zip(offset, along, strict=True)) / np.float32(along @ along)
        share = np.clip(share, 0, 1)
        squared = sum((o - share * np.float32(a)) ** 2 for o, a in zip(offset, along, strict=True))
        return np.sqrt(squared) - (np.float32(first) + share * np.float32(last - first))

    def whole(self, distance: np.ndarray) -> Shape:
        """Make a shape of a signed distance on the whole grid, mm."""
        return Shape((slice(None),) * 3, distance)

    def everywhere(self, shape: Shape) -> np.ndarray:
        """Return the signed distance of a shape on the whole grid, mm; 99 far outside."""
        distance = np.full(self.grid.shape, 99, np.float32)
        distance[shape.region] = shape.distance
        return distance

    def paint(self, shape: Shape, name: str, hu: float | np.ndarray, texture: float = 0.0, moat: float = 0.0) -> None:
        """Lay a structure over what is there, its border softened over one voxel.

        Parameters
        ----------
        shape : signed distance, mm
        name : key of the labels
        hu : attenuation, a number or one value a voxel of the shape's region
        texture : standard deviation of its granular texture, HU
        moat : width of the fat plane left around it, mm
        """
        region, distance = shape.region, shape.distance
        if moat:
            around = (distance < moat) & (self.label[region] > 0)
            self._blend(region, np.clip((moat - distance) / self.grid.spacing[0] + 0.5, 0, 1) * around, -95)
            self.label[region][around] = self.labels["fat"]
        value = hu + np.float32(texture) * self.grain[region] if texture else hu
        self._blend(region, np.clip(0.5 - distance / self.grid.spacing[0], 0, 1), value)
        self.label[region][distance < 0] = self.labels[name]

    def _blend(self, region: Region, share: np.ndarray, value: float | np.ndarray) -> None:
        self.hu[region] += share.astype(np.float32) * (value - self.hu[region])


def centreline(points: Sequence[Point], radii: Sequence[float], step: float = 7.0) -> tuple[np.ndarray, np.ndarray]:
    """Smooth curve through points, sampled about every `step` mm, with its radius.

    Returns
    -------
    line : (N, 3), mm
    radius : (N,), mm
    """
    points = np.asarray(points, float)
    chord = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    at = np.linspace(0, chord[-1], max(2, round(chord[-1] / step) + 1))
    curve = make_interp_spline(chord, points, k=min(3, len(points) - 1))
    return curve(at), PchipInterpolator(chord, radii)(at)
