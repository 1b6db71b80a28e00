"""Sections that speak of entries of others, and numbers that must fit each other."""

from collections import Counter
from collections.abc import Iterable
from itertools import chain

from unoise.workflow import methods
from unoise.workflow.config.fault import Fault
from unoise.workflow.config.methods import method


def check_named_explainers(config: dict, sections: Iterable[str]) -> None:
    """Raise a `Fault` for the first explainer that a section names and that is none, or none that it can take."""
    for part in sections:
        for name in config[part]["explainers"]:
            if name not in config["explainers"]:
                raise Fault((part, "explainers"), f"{name!r} is no entry of `explainers`")
    if config["truth"]["explainer"] not in (None, *config["explainers"]):
        raise Fault(("truth", "explainer"), f"{config['truth']['explainer']!r} is no entry of `explainers`")
    for name in config["noise"]["explainers"]:
        if "noise_scale" in _method_of(config, name).volumes:
            raise Fault(("noise", "explainers"), f"{name!r} has a noise scale of its own", "Leave it out here")
    for part in ("faithfulness", "sanity"):
        for name in config[part]["explainers"]:
            if "map" in _method_of(config, name).needs:
                raise Fault((part, "explainers"), f"the maps of {name!r} are not made here", "Leave it out here")


def check_trained_again(config: dict) -> None:
    """Raise a `Fault` where stability or sanity would train again what is not trained here."""
    stability, sanity = config["stability"], config["sanity"]
    for name in stability["explainers"]:
        if "interpreter" not in config["explainers"][name]:
            what = f"{name!r} has no interpreter to train again"
            raise Fault(("stability", "explainers"), what, "Leave it out here")
    for part in ("stability", "sanity"):
        for name in config[part]["explainers"]:
            interpreter = config["interpreters"].get(config["explainers"][name].get("interpreter"))
            if interpreter and interpreter["training"]["epochs"] == 0:
                raise Fault((part, "explainers"), f"the interpreter of {name!r} is not trained", "Leave it out")
    if sanity["explainers"] and sanity["permuted"] and config["segmenter"]["training"]["epochs"] == 0:
        raise Fault(("sanity", "permuted"), "the segmenter is not trained here", "Set it to false, or give epochs")
    if stability["explainers"] and config["seed"] in stability["seeds"]:
        raise Fault(("stability", "seeds"), f"{config['seed']} is the config's own seed", "Choose another one")


def check_data(config: dict) -> None:
    """Raise a `Fault` for what the sections on data, volumes and cases ask and cannot be had."""
    if config.get("phantom", {}).get("planted"):
        method(("phantom", "planted"), "data.planted", config["phantom"]["planted"])
    twice = [label for label, count in Counter(chain(*config["classes"].values())).items() if count > 1]
    if twice:
        raise Fault(("classes",), f"label {twice[0]!r} is in two classes", "Leave it in one of them")
    window = config["preprocess"]["window"]
    if isinstance(window, list) and not window[0] < window[1]:
        raise Fault(("preprocess", "window"), "{:g} is not below {:g}".format(*window), "Give the lower end first")
    if None in config["preprocess"]["shape"][:2]:
        raise Fault(("preprocess", "shape"), "the first two numbers are missing", "Slices need one common size")
    if not config["noise"]["smallest_hu"] < config["noise"]["largest_hu"]:
        raise Fault(("noise", "largest_hu"), "it is not above smallest_hu", "Give a larger one")
    cases = config["cases"]
    if not any(cases["split_shares"].values()):
        raise Fault(("cases", "split_shares"), "every share is 0", "Give `train` and `test` a share")
    if cases["first_slices"] and not cases["by_slice"]:
        raise Fault(("cases", "first_slices"), "it means nothing without by_slice", "Set by_slice, or leave it out")
    if cases["by_slice"]:
        _check_by_slice(config)


def _check_by_slice(config: dict) -> None:
    if config["cases"]["split_of"]:
        raise Fault(("cases", "split_of"), "with by_slice no patient has a split", "Leave one of the two out")
    for part, splits in (("guarantee", "calibration and test"), ("noise", "validation and test")):
        if config[part]["explainers"]:
            raise Fault((part,), f"with by_slice {splits} share patients", "Leave one of the two out")


def _method_of(config: dict, explainer: str) -> methods.Method:
    return methods.find("explainers", config["explainers"][explainer]["method"])
