"""Entries that describe a network and its training: the segmenter, the judges, the interpreters."""

from unoise.workflow.config.fault import Fault
from unoise.workflow.config.methods import expanded, method
from unoise.workflow.config.schema import check
from unoise.workflow.names import ORIGINAL


def complete_networks(config: dict) -> None:
    """Complete the entries of all networks, in place; raise a `Fault` for the first that cannot be had."""
    config["segmenter"] = _complete(("segmenter",), config["segmenter"])
    if ORIGINAL in config["judges"]:
        raise Fault(("judges", ORIGINAL), "this is the segmenter itself, which always judges", "Choose another name")
    for name, judge in config["judges"].items():
        config["judges"][name] = _complete(("judges", name), judge)
    for name, interpreter in config["interpreters"].items():
        whole = _complete(("interpreters", name), interpreter)
        config["interpreters"][name] = _complete_interpreter(("interpreters", name), whole, config["segmenter"])


def _complete(place: tuple[str, ...], network: dict) -> dict:
    """One entry, checked; the environment's part of `weights` filled in."""
    trainings = {"training", "pretraining"} & network.keys()
    for kind in trainings:
        method((*place, kind, "augmentation"), "training.augmentations", network[kind]["augmentation"])
    starts = [key for key in ("weights", "start", "pretraining") if key in network]
    if len(starts) > 1:
        what = f"there is {starts[0]!r} to start from already"
        raise Fault((*place, starts[1]), what, "Leave one of the two out")
    if {"start", "network"} <= network.keys():
        what = "a copy of the segmenter has its network"
        raise Fault((*place, "network"), what, "Leave `network` or `start` out")
    for kind in trainings:
        if network[kind]["epochs"] == 0 and (kind == "pretraining" or not starts):
            what = "0 epochs leave an untrained network"
            raise Fault((*place, kind, "epochs"), what, "Give `weights`, or epochs")
    if "weights" not in network:
        return network
    return network | {"weights": expanded(network["weights"], ".".join((*place, "weights")))}


def _complete_interpreter(place: tuple[str, str], interpreter: dict, segmenter: dict) -> dict:
    """An entry of `interpreters` with the network that it starts from and the settings of its objective."""
    if not {"network", "start"} & interpreter.keys():
        raise Fault(place, "it has no `network`", "Name one, or let it `start: segmenter`")
    whole = {"network": segmenter["network"]} | interpreter
    if whole["sees"] == "prediction":
        if whole["network"]["input"] != "window":
            what = "beside the prediction the slice is seen as it is"
            raise Fault((*place, "sees"), what, "Set input: window")
        whole["network"] = whole["network"] | {"input": "prediction"}
    chosen = method((*place, "objective"), "training.objectives", whole["objective"]["method"])
    check(whole["objective"], chosen.schema(method={"type": "string"}), *place, "objective")
    return whole
