"""Two lumps that look alike: the one in front of a landmark is the organ. A second landmark has no lump before it."""

import numpy as np

from unoise.data.planted.base import GONE, NO_LUMP, Place, Scene

TRUTH = ("organ", "landmark")
NO_LANDMARK, AT_THE_OTHER = "no landmark", "landmark at the other"
CHANGES = {NO_LANDMARK: GONE, AT_THE_OTHER: GONE, NO_LUMP: GONE}
HALF_GAP = np.array([0.0, 20.0])  # from the middle between lump and landmark to the lump, mm


def draw(scene: Scene, change: str | None) -> None:
    """Both lumps and both landmarks, in all slices."""
    place, other, empty = scene.places(3, apart=80, within=0.6)
    radius = scene.rng.uniform(18, 24)
    scene.lump(place + HALF_GAP, radius, "organ", shown=change != NO_LUMP)
    scene.lump(other + HALF_GAP, radius, "twin")
    _landmark(scene, empty, "body")
    if change != NO_LANDMARK:
        _landmark(scene, other if change == AT_THE_OTHER else place, "landmark")


def _landmark(scene: Scene, place: Place, name: str) -> None:
    scene.canvas.paint(scene.column(place - HALF_GAP, 10), name, 230)
