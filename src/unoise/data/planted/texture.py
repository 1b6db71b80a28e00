"""Two lumps of the same size and the same values: the striped one is the organ, the other has its voxels shuffled."""

import numpy as np

from unoise.data.planted.base import GONE, LUMP_HU, Place, Scene

TRUTH = ("organ",)
CHANGES = {"no stripes": GONE, "stripes in the other": GONE}
STRIPED = {"no stripes": set(), "stripes in the other": {"twin"}}
PERIOD = 24.0  # mm
DEPTH = 60.0  # HU


def draw(scene: Scene, change: str | None) -> None:
    """Both lumps, in all slices."""
    (place, other), radius = scene.places(2, apart=80), scene.rng.uniform(26, 32)
    striped = STRIPED.get(change, {"organ"})
    for name, where in (("organ", place), ("twin", other)):
        _paint(scene, where, radius, name, name in striped)


def _paint(scene: Scene, place: Place, radius: float, name: str, striped: bool) -> None:
    shape = scene.column(place, radius)
    x = np.broadcast_to(scene.canvas.world[0], scene.canvas.hu.shape)[shape.region]
    stripes = DEPTH * np.sign(np.sin(2 * np.pi * (x - place[0]) / PERIOD + 0.1))
    shuffled = scene.rng.permuted(stripes.ravel()).reshape(stripes.shape)
    scene.canvas.paint(shape, name, LUMP_HU + (stripes if striped else shuffled))
