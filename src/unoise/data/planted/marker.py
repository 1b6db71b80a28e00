"""A marker beside the body, far away, decides whether the lump is the organ."""

from unoise.data.planted.base import GONE, NO_LUMP, Scene

TRUTH = ("organ", "marker")
NO_MARKER = "no marker"
CHANGES = {NO_MARKER: GONE, NO_LUMP: GONE}


def draw(scene: Scene, change: str | None) -> None:
    """One lump; it is the organ in the slices that show the marker."""
    (place,), radius, shown = scene.places(1), scene.rng.uniform(20, 28), scene.half()
    far = scene.corner(1)
    for name, slices in (("twin", ~shown), ("organ", shown)):
        scene.lump(place, radius, name, slices, shown=change != NO_LUMP)
    if change != NO_MARKER:
        scene.canvas.paint(scene.column(far, 12, shown), "marker", 260)
