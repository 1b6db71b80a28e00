"""Targets in a config: what their kinds take, and which parts of a config are about classes alone."""

from collections.abc import Iterator

from unoise.workflow import methods

Fault = tuple[tuple[str, ...], str, str]  # the place in the config, what is wrong, the remedy


def is_class(settings: dict) -> bool:
    """Whether an entry of the config's `targets` is a whole class."""
    return "kind" not in settings


def target_faults(config: dict) -> Iterator[Fault]:
    """What is wrong about the targets of a config whose settings fit the schemas of their kinds."""
    for name, target in config["targets"].items():
        for setting in ("class", *methods.target(target).classes):
            if target[setting] not in config["classes"]:
                known = f"Choose one of: {', '.join(config['classes'])}"
                yield ("targets", name, setting), "it names no entry of `classes`", known
        if target.get("against") == target["class"]:
            yield ("targets", name, "against"), "a class cannot be set against itself", "Name another class"
        if not {"inner_mm", "outer_mm"}.isdisjoint(target) and not target["inner_mm"] + target["outer_mm"]:
            yield ("targets", name), "a border of 0 mm holds nothing", "Give inner_mm or outer_mm"
    regions = [name for name, target in config["targets"].items() if not is_class(target)]
    for place, asked in (
        (("probe", "explainers"), config["probe"]["explainers"]),
        (("paper_protocols",), config["paper_protocols"]),
    ):
        if asked and regions:
            what = f"it is about whole classes, the target {regions[0]!r} is of the kind"
            yield (
                place,
                f"{what} {config['targets'][regions[0]]['kind']}",
                "Leave it out, or give it a config of its own",
            )
