"""The targets, and what is asked of whole classes alone."""

from unoise.workflow import methods
from unoise.workflow.config.fault import Fault
from unoise.workflow.config.schema import check


def check_targets(config: dict) -> None:
    """Raise a `Fault` for the first target that does not fit its kind; a whole class is written without its kind."""
    for name, target in config["targets"].items():
        known, given = methods.target_kinds(), target.get("kind", "class")
        if given not in known:
            raise Fault(("targets", name, "kind"), f"there is no kind {given!r}", f"Choose one of: {', '.join(known)}")
        named = {"kind": {"default": "class"}, "class": {"type": "string"}}
        check(target, methods.target(target).schema(**named), "targets", name)
        if given == "class":
            del target["kind"]
        _check_target(("targets", name), target, list(config["classes"]))
    _check_asked_of_classes(config)


def is_class(target: dict) -> bool:
    """Whether an entry of the config's `targets` is a whole class."""
    return "kind" not in target


def _check_target(place: tuple[str, str], target: dict, classes: list[str]) -> None:
    for setting in ("class", *methods.target(target).classes):
        if target[setting] not in classes:
            raise Fault((*place, setting), "it names no entry of `classes`", f"Choose one of: {', '.join(classes)}")
    if target.get("against") == target["class"]:
        raise Fault((*place, "against"), "a class cannot be set against itself", "Name another class")
    if not {"inner_mm", "outer_mm"}.isdisjoint(target) and not target["inner_mm"] + target["outer_mm"]:
        raise Fault(place, "a border of 0 mm holds nothing", "Give inner_mm or outer_mm")


def _check_asked_of_classes(config: dict) -> None:
    regions = {name: target["kind"] for name, target in config["targets"].items() if not is_class(target)}
    asked = {"probe.explainers": config["probe"]["explainers"], "paper_protocols": config["paper_protocols"]}
    for place, given in asked.items():
        for name, kind in regions.items():
            if given:
                what = f"it is about whole classes, the target {name!r} is of the kind {kind}"
                raise Fault(place, what, "Leave it out, or give it a config of its own")
