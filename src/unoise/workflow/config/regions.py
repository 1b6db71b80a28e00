"""The sections `regions` and `forbidden`."""

from unoise.workflow.config.fault import Fault
from unoise.workflow.regions import NAMED


def check_regions(config: dict) -> None:
    """Raise a `Fault` for the first region that has a name that is taken, or that is forbidden and not there."""
    own, forbidden = config["regions"], config["forbidden"]
    for name in own["structures"]:
        if name in (*config["classes"], *NAMED):
            raise Fault(f"regions.structures.{name}", "a class or a region has this name already", "Choose another")
    if not own["border_mm"] < own["near_mm"]:
        raise Fault("regions.near_mm", "it is not above border_mm", "Give a larger one")
    known = (*config["classes"], *own["structures"], *NAMED)
    for name in forbidden["regions"]:
        if name not in known:
            raise Fault("forbidden.regions", f"there is no region {name!r}", f"Known here: {', '.join(known)}")
    if forbidden["explainers"] and not forbidden["regions"]:
        raise Fault("forbidden.regions", "no region is forbidden to the explainers named", "Name one")
    if bool(forbidden["explainers"]) != (forbidden["largest_mass"] is not None):
        raise Fault("forbidden", "explainers and largest_mass go together", "Give both, or neither")
    if forbidden["regions"] and {forbidden["largest_mass"], forbidden["largest_necessity"]} == {None}:
        raise Fault("forbidden.largest_necessity", "nothing would be asked", "Give a number")
