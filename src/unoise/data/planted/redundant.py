"""Either of two markers beside the body decides that the lump is the organ; neither is necessary where both are."""

from unoise.data.planted.base import GONE, NO_LUMP, STAYS, Scene

TRUTH = ("organ", "marker", "second_marker")
CHANGES = {"no marker": STAYS, "no second marker": STAYS, "neither marker": GONE, NO_LUMP: GONE}
REMOVED = {"no marker": {0}, "no second marker": {1}, "neither marker": {0, 1}}


def draw(scene: Scene, change: str | None) -> None:
    """One lump; every third patient has both markers, the others one of them, and all in some slices only."""
    (place,), radius, shown = scene.places(1), scene.rng.uniform(20, 28), scene.half()
    first, second = scene.corner(1), scene.corner(-1)
    for name, slices in (("twin", ~shown), ("organ", shown)):
        scene.lump(place, radius, name, slices, shown=change != NO_LUMP)
    here = {0: {0, 1}, 1: {0}, 2: {1}}[scene.patient % 3] - REMOVED.get(change, set())
    if 0 in here:
        scene.canvas.paint(scene.column(first, 12, shown), "marker", 260)
    if 1 in here:
        scene.canvas.paint(scene.column(second, 14, shown), "second_marker", 60)
