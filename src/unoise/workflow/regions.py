"""The regions that have a name wherever they stand in configs and tables, and the config's sections on them."""

from pathlib import Path

from unoise.errors import UserError

INSIDE, BORDER, NEAR, FAR = "inside", "border", "near", "far"
BANDS = (INSIDE, BORDER, NEAR, FAR)  # by distance to the predicted target
OUTSIDE, TABLE, TEXT = "outside-body", "table", "text"
FOUND = {TABLE: 1, TEXT: 2}  # looked for in the scan: values in the volume that holds them
NAMED = (*BANDS, OUTSIDE, *FOUND)


def check_regions(config: dict, path: str | Path) -> None:
    """Raise a `UserError` for the first region that has a name that is taken, or that is forbidden and not there."""
    own, forbidden = config["regions"], config["forbidden"]
    for name in own["structures"]:
        if name in (*config["classes"], *NAMED):
            _refuse(path, f"regions.structures.{name}", "a class or a region has this name already", "Choose another")
    if not own["border_mm"] < own["near_mm"]:
        _refuse(path, "regions.near_mm", "it is not above border_mm", "Give a larger one")
    known = (*config["classes"], *own["structures"], *NAMED)
    for name in forbidden["regions"]:
        if name not in known:
            _refuse(path, "forbidden.regions", f"there is no region {name!r}", f"Known here: {', '.join(known)}")
    if forbidden["explainers"] and not forbidden["regions"]:
        _refuse(path, "forbidden.regions", "no region is forbidden to the explainers named", "Name one")
    if bool(forbidden["explainers"]) != (forbidden["largest_mass"] is not None):
        _refuse(path, "forbidden", "explainers and largest_mass go together", "Give both, or neither")
    if forbidden["regions"] and {forbidden["largest_mass"], forbidden["largest_necessity"]} == {None}:
        _refuse(path, "forbidden.largest_necessity", "nothing would be asked", "Give a number")


def _refuse(path: str | Path, place: str, what: str, remedy: str) -> None:
    raise UserError(f"{place}: {what}", file=path, remedy=remedy)
