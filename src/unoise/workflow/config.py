"""Reading a config: its schema, its defaults, its errors."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import chain
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator, ValidationError, validators

from unoise.errors import UserError
from unoise.workflow import methods
from unoise.workflow.dimensions import check_dims, settle_dims
from unoise.workflow.names import ORIGINAL
from unoise.workflow.regions import check_regions
from unoise.workflow.targets import target_faults

_SCHEMA = yaml.safe_load(Path(__file__).with_name("config.schema.yaml").read_text(encoding="utf-8"))
_NAMING_EXPLAINERS = [part for part, one in _SCHEMA["properties"].items() if "explainers" in one.get("properties", {})]


def read_config(path: Path) -> dict:
    """Read a config file and complete it; see `complete`."""
    if not path.is_file():
        raise UserError("the config file does not exist", file=path, remedy="Name one of config/*.yaml")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(
            f"it is not YAML ({' '.join(str(error).split())})", file=path, remedy="Mend the line it names"
        ) from None
    return complete(content, path)


def complete(config: object, path: str | Path = "config") -> dict:
    """Check a config against the schema and the methods it names, and fill in the defaults.

    Returns
    -------
    dict
        A new dict of built-in values; `dataset` has its environment variables replaced.

    Raises
    ------
    UserError
        For the first thing that is wrong: its place in the config and what to do.
    """
    config = yaml.safe_load(yaml.safe_dump(config, sort_keys=False))
    try:
        json.dumps(config, allow_nan=False)
    except (ValueError, TypeError) as error:
        _refuse(path, (), f"a value is not a finite number, a text, a list or a table ({error})")
    _check(config, _SCHEMA, path)
    settle_dims(config, path)
    config["segmenter"] = _model(path, ("segmenter",), config["segmenter"])
    if ORIGINAL in config["judges"]:
        _refuse(path, ("judges", ORIGINAL), "this is the segmenter itself, which always judges", "Choose another name")
    for name, judge in config["judges"].items():
        config["judges"][name] = _model(path, ("judges", name), judge)
    for name, interpreter in config["interpreters"].items():
        place = ("interpreters", name)
        interpreter = _model(path, place, interpreter)
        if not {"network", "start"} & interpreter.keys():
            _refuse(path, place, "it has no `network`", "Name one, or let it `start: segmenter`")
        interpreter = {"network": config["segmenter"]["network"]} | interpreter
        if interpreter["sees"] == "prediction":
            if interpreter["network"]["input"] != "window":
                _refuse(path, (*place, "sees"), "beside the prediction the slice is seen as it is", "Set input: window")
            interpreter["network"] = interpreter["network"] | {"input": "prediction"}
        config["interpreters"][name] = interpreter
        place = (*place, "objective")
        chosen = _method(path, place, "training.objectives", interpreter["objective"]["method"])
        _check(interpreter["objective"], chosen.schema(method={"type": "string"}), path, *place)
    for name, explainer in config["explainers"].items():
        chosen = _method(path, ("explainers", name), "explainers", explainer["method"])
        _check(explainer, chosen.schema(method={"type": "string"}), path, "explainers", name)
        if "map" in chosen.needs:
            explainer["folder"] = _expand(explainer["folder"], path, f"explainers.{name}.folder")
        if "interpreter" in chosen.needs and explainer["interpreter"] not in config["interpreters"]:
            _refuse(path, ("explainers", name, "interpreter"), "it names no entry of `interpreters`")
        if chosen.trained_for:
            objective = config["interpreters"][explainer["interpreter"]]["objective"]["method"]
            if objective != chosen.trained_for:
                what = f"its objective is {objective!r}, {explainer['method']} reads one of {chosen.trained_for!r}"
                _refuse(path, ("explainers", name, "interpreter"), what, "Choose another method or interpreter")
    for part in ("evaluation", "regions"):
        for name, obscurer in config[part]["obscurers"].items():
            place = (part, "obscurers", name)
            _check(obscurer, _method(path, place, "obscurers", name).schema(), path, *place)
    for part in _NAMING_EXPLAINERS:
        for name in config[part]["explainers"]:
            if name not in config["explainers"]:
                _refuse(path, (part, "explainers"), f"{name!r} is no entry of `explainers`")
    for name in config["noise"]["explainers"]:
        if "noise_scale" in methods.find("explainers", config["explainers"][name]["method"]).volumes:
            _refuse(path, ("noise", "explainers"), f"{name!r} has a noise scale of its own", "Leave it out here")
    for part in ("faithfulness", "sanity"):
        for name in config[part]["explainers"]:
            if "map" in methods.find("explainers", config["explainers"][name]["method"]).needs:
                _refuse(path, (part, "explainers"), f"the maps of {name!r} are not made here", "Leave it out here")
    for name in config["stability"]["explainers"]:
        if "interpreter" not in config["explainers"][name]:
            _refuse(
                path, ("stability", "explainers"), f"{name!r} has no interpreter to train again", "Leave it out here"
            )
    for part in ("stability", "sanity"):
        for name in config[part]["explainers"]:
            interpreter = config["interpreters"].get(config["explainers"][name].get("interpreter"))
            if interpreter and interpreter["training"]["epochs"] == 0:
                _refuse(path, (part, "explainers"), f"the interpreter of {name!r} is not trained", "Leave it out")
    sanity = config["sanity"]
    if sanity["explainers"] and sanity["permuted"] and config["segmenter"]["training"]["epochs"] == 0:
        _refuse(path, ("sanity", "permuted"), "the segmenter is not trained here", "Set it to false, or give epochs")
    if config["stability"]["explainers"] and config["seed"] in config["stability"]["seeds"]:
        _refuse(path, ("stability", "seeds"), f"{config['seed']} is the config's own seed", "Choose another one")
    if config["truth"]["explainer"] not in (None, *config["explainers"]):
        _refuse(path, ("truth", "explainer"), f"{config['truth']['explainer']!r} is no entry of `explainers`")
    if config.get("phantom", {}).get("planted"):
        _method(path, ("phantom", "planted"), "data.planted", config["phantom"]["planted"])
    if not config["noise"]["smallest_hu"] < config["noise"]["largest_hu"]:
        _refuse(path, ("noise", "largest_hu"), "it is not above smallest_hu", "Give a larger one")
    for name, target in config["targets"].items():
        _target(path, ("targets", name), target)
    for fault in target_faults(config):
        _refuse(path, *fault)
    twice = [label for label, count in Counter(chain(*config["classes"].values())).items() if count > 1]
    if twice:
        _refuse(path, ("classes",), f"label {twice[0]!r} is in two classes", "Leave it in one of them")
    check_regions(config, path)
    window = config["preprocess"]["window"]
    if isinstance(window, list) and not window[0] < window[1]:
        _refuse(path, ("preprocess", "window"), "{:g} is not below {:g}".format(*window), "Give the lower end first")
    if None in config["preprocess"]["shape"][:2]:
        _refuse(path, ("preprocess", "shape"), "the first two numbers are missing", "Slices need one common size")
    if not any(config["cases"]["split_shares"].values()):
        _refuse(path, ("cases", "split_shares"), "every share is 0", "Give `train` and `test` a share")
    cases = config["cases"]
    if cases["by_slice"] and cases["split_of"]:
        _refuse(path, ("cases", "split_of"), "with by_slice no patient has a split", "Leave one of the two out")
    if cases["first_slices"] and not cases["by_slice"]:
        _refuse(path, ("cases", "first_slices"), "it means nothing without by_slice", "Set by_slice, or leave it out")
    check_dims(config, path)
    for part, splits in (("guarantee", "calibration and test"), ("noise", "validation and test")):
        if cases["by_slice"] and config[part]["explainers"]:
            _refuse(path, (part,), f"with by_slice {splits} share patients", "Leave one of the two out")
    config["dataset"] = _expand(config["dataset"], path, "dataset")
    return config


def _model(path: str | Path, place: tuple[str, ...], model: dict) -> dict:
    """An entry that describes a network and its training, checked; the environment's part of `weights` filled in."""
    for kind in {"training", "pretraining"} & model.keys():
        _method(path, (*place, kind, "augmentation"), "training.augmentations", model[kind]["augmentation"])
    starts = [key for key in ("weights", "start", "pretraining") if key in model]
    if len(starts) > 1:
        _refuse(path, (*place, starts[1]), f"there is {starts[0]!r} to start from already", "Leave one of the two out")
    if {"start", "network"} <= model.keys():
        _refuse(path, (*place, "network"), "a copy of the segmenter has its network", "Leave `network` or `start` out")
    for kind in {"training", "pretraining"} & model.keys():
        if model[kind]["epochs"] == 0 and (kind == "pretraining" or not starts):
            _refuse(path, (*place, kind, "epochs"), "0 epochs leave an untrained network", "Give `weights`, or epochs")
    if "weights" not in model:
        return model
    return model | {"weights": _expand(model["weights"], path, ".".join((*place, "weights")))}


def _target(path: str | Path, place: tuple[str, ...], target: dict) -> None:
    """Check an entry of `targets`; a whole class is written without its kind."""
    known, given = methods.target_kinds(), target.get("kind", "class")
    if given not in known:
        _refuse(path, (*place, "kind"), f"there is no kind {given!r}", f"Choose one of: {', '.join(known)}")
    _check(
        target, methods.target(target).schema(kind={"default": "class"}, **{"class": {"type": "string"}}), path, *place
    )
    if given == "class":
        del target["kind"]


def _method(path: str | Path, place: Iterable, family: str, name: str) -> methods.Method:
    known = methods.names(family)
    if name not in known:
        _refuse(path, place, f"there is no method {name!r}", f"Choose one of: {', '.join(known)}")
    return methods.find(family, name)


def _expand(value: str, path: str | Path, place: str) -> str:
    expanded = os.path.expandvars(value)
    missing = re.search(r"\$\{?(\w+)", expanded)
    if missing:
        raise UserError(
            f"{place}: the environment variable {missing[1]} is not set",
            file=path,
            remedy=f"Set it to where yours lies (export {missing[1]}=/path/to/it), or write the path here",
        )
    return os.path.expanduser(expanded)


def _refuse(path: str | Path, place: Iterable, what: str, remedy: str = "Mend this entry") -> None:
    raise UserError(f"{'.'.join(map(str, place)) or 'the config'}: {what}", file=path, remedy=remedy)


def _check(instance: object, schema: dict, path: str | Path, *place: str) -> None:
    error = next(iter(sorted(_Validator(schema).iter_errors(instance), key=lambda e: list(map(str, e.path)))), None)
    if error:
        _refuse(path, [*place, *error.absolute_path], *_explain(error))


def _explain(error: ValidationError) -> tuple[str, str]:
    if error.validator == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        unknown = next(key for key in error.instance if key not in known)
        close = get_close_matches(str(unknown), known, 1)
        remedy = f"Did you mean {close[0]!r}" if close else f"Known here: {', '.join(known)}"
        return f"there is no setting {unknown!r}", remedy
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        known = error.schema.get("properties", {})
        close = get_close_matches(missing, [key for key in map(str, error.instance) if key not in known], 1)
        if close:
            return f"there is no setting {close[0]!r}", f"Did you mean {missing!r}"
    if error.validator in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        return f"{error.instance!r} is out of range", f"Allowed: {error.validator} {error.validator_value}"
    if error.validator == "type" and isinstance(error.instance, str) and "number" in error.validator_value:
        return (
            f"{error.instance!r} is a text, not a number",
            "Write numbers without quotes, and 1e-3 as 0.001 or 1.0e-3",
        )
    return error.message[:300], error.schema.get("description", "See the comments in config/config.yaml").rstrip(".")


def _with_defaults(validator_class):
    check_properties = validator_class.VALIDATORS["properties"]

    def set_defaults(validator, properties, instance, schema):
        if isinstance(instance, dict):
            for name, one in properties.items():
                if "default" in one:
                    instance.setdefault(name, yaml.safe_load(yaml.safe_dump(one["default"])))
        yield from check_properties(validator, properties, instance, schema)

    whole = validator_class.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    return validators.extend(validator_class, {"properties": set_defaults}, type_checker=whole)


_Validator = _with_defaults(Draft202012Validator)
