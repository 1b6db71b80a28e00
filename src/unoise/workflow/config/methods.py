"""Entries that name a method: its module must be there, and says which settings it takes."""

import os
import re
from collections.abc import Iterable

from unoise.files import PLACEHOLDERS
from unoise.workflow import methods
from unoise.workflow.config.fault import Fault
from unoise.workflow.config.schema import check

_NAME = {"type": "string"}


def check_explainers(config: dict) -> None:
    """Raise a `Fault` for the first explainer without a method, or whose settings or interpreter do not fit it."""
    for name, explainer in config["explainers"].items():
        chosen = method(("explainers", name), "explainers", explainer["method"])
        check(explainer, chosen.schema(method=_NAME), "explainers", name)
        if "map" in chosen.needs:
            explainer["folder"] = expanded(explainer["folder"], f"explainers.{name}.folder")
        if "interpreter" in chosen.needs and explainer["interpreter"] not in config["interpreters"]:
            raise Fault(("explainers", name, "interpreter"), "it names no entry of `interpreters`")
        if chosen.trained_for:
            objective = config["interpreters"][explainer["interpreter"]]["objective"]["method"]
            if objective != chosen.trained_for:
                what = f"its objective is {objective!r}, {explainer['method']} reads one of {chosen.trained_for!r}"
                raise Fault(("explainers", name, "interpreter"), what, "Choose another method or interpreter")


def check_obscurers(config: dict) -> None:
    """Raise a `Fault` for the first obscurer that does not exist, or whose settings do not fit it."""
    for part in ("evaluation", "regions"):
        for name, obscurer in config[part]["obscurers"].items():
            place = (part, "obscurers", name)
            check(obscurer, method(place, "obscurers", name).schema(), *place)


def method(place: Iterable, family: str, name: str) -> methods.Method:
    """What a method of a family declares; a `Fault` where there is none of this name."""
    known = methods.names(family)
    if name not in known:
        raise Fault(place, f"there is no method {name!r}", f"Choose one of: {', '.join(known)}")
    return methods.find(family, name)


def expanded(value: str, place: str) -> str:
    """A path with its environment variables and `~` replaced; a `Fault` where one is not set, or for `PLACEHOLDERS`."""
    whole = os.path.expandvars(value)
    missing = re.search(r"\$\{?(\w+)", whole)
    if missing:
        remedy = f"Set it to where yours lies (export {missing[1]}=/path/to/it), or write the path here"
        raise Fault(place, f"the environment variable {missing[1]} is not set", remedy)
    if set(PLACEHOLDERS) & set(whole):
        remedy = "Rename what has it, or name a link to it without one"
        raise Fault(
            place, f"the path {whole!r} has one of {PLACEHOLDERS}, which Snakemake takes for placeholders", remedy
        )
    return os.path.expanduser(whole)
