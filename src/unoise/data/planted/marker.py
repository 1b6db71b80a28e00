"""A small marker beside the body, far away, decides whether the lump is the organ."""

from unoise.data.planted.base import GONE, Scene

TRUTH = ("organ", "marker")
CHANGES = {"no marker": GONE}


def draw(scene: Scene, change: str | None) -> None:
    """One lump; it is the organ in the slices that show the marker."""
    place, radius, shown = scene.somewhere(), scene.rng.uniform(17, 24), scene.half()
    far = scene.corner(1)
    scene.lump(place, radius, "twin", ~shown)
    scene.lump(place, radius, "organ", shown)
    if change != "no marker":
        scene.canvas.paint(scene.column(far, 8, shown), "marker", 260)
