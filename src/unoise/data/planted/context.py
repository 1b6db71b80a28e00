"""Two lumps that look alike: the one in front of the landmark is the organ."""

from unoise.data.planted.base import GONE, Scene

TRUTH = ("organ", "landmark")
CHANGES = {"no landmark": GONE, "landmark at the other": GONE}
BEHIND = 48.0  # mm


def draw(scene: Scene, change: str | None) -> None:
    """Both lumps and the landmark, in all slices."""
    place, radius = scene.somewhere(), scene.rng.uniform(17, 24)
    other = scene.somewhere(place, by=110)
    scene.lump(place, radius, "organ")
    scene.lump(other, radius, "twin")
    at = {"no landmark": None, "landmark at the other": other}.get(change, place)
    if at is not None:
        scene.canvas.paint(scene.column((at[0], at[1] - BEHIND), 12), "landmark", 230)
