"""Reading a config: its schema, its defaults, its errors."""

import json
from pathlib import Path

import yaml

from unoise.errors import UserError
from unoise.workflow.config.dimensions import check_dims, settle_dims
from unoise.workflow.config.fault import Fault
from unoise.workflow.config.methods import check_explainers, check_obscurers, expanded
from unoise.workflow.config.networks import complete_networks
from unoise.workflow.config.regions import check_regions
from unoise.workflow.config.schema import check
from unoise.workflow.config.sections import check_data, check_named_explainers, check_trained_again
from unoise.workflow.config.targets import check_targets

MOST_ENTRIES, DEEPEST = 200_000, 50
_SCHEMA = yaml.safe_load(Path(__file__).with_name("schema.yaml").read_text(encoding="utf-8"))
_NAMING_EXPLAINERS = [part for part, one in _SCHEMA["properties"].items() if "explainers" in one.get("properties", {})]


def read_config(path: Path) -> dict:
    """Read a config file and complete it; see `complete`."""
    if not path.is_file():
        raise UserError("the config file does not exist", file=path, remedy="Name one of config/*.yaml")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except Exception as error:  # beside YAMLError what a tag's value makes Python raise: !!bool x, a month 13, too deep
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
    try:
        _check_size(config)
        config = yaml.safe_load(yaml.safe_dump(config, sort_keys=False))
        _complete(config)
    except Fault as fault:
        raise UserError(fault.what, file=path, remedy=fault.remedy) from None
    return config


def _check_names(place: tuple[str, ...], entry: object) -> None:
    """Raise a `Fault` for the first name, at any depth, that YAML reads as something else: 001, on, 2024-01-01."""
    for name, one in entry.items() if isinstance(entry, dict) else ():
        if not isinstance(name, str):
            raise Fault(place, f"the name {name!r} is not a text", "Write it in quotes")
        _check_names((*place, name), one)


def _check_size(config: object) -> None:
    """Raise a `Fault` for what would take all memory: an alias within an alias, again and again, or without an end."""
    count, left = 0, [(config, 0)]
    while left:
        entry, depth = left.pop()
        count += 1
        if depth > DEEPEST or count > MOST_ENTRIES:
            raise Fault((), f"it has more than {MOST_ENTRIES} entries or {DEEPEST} levels", "Write it without aliases")
        if isinstance(entry, dict | list):
            left += [(one, depth + 1) for one in (entry.values() if isinstance(entry, dict) else entry)]


def _complete(config: dict) -> None:
    try:
        json.dumps(config, allow_nan=False)
    except (ValueError, TypeError) as error:
        raise Fault((), f"a value is not a finite number, a text, a list or a table ({error})") from None
    _check_names((), config)
    check(config, _SCHEMA)
    settle_dims(config)
    complete_networks(config)
    check_explainers(config)
    check_obscurers(config)
    check_targets(config)
    check_named_explainers(config, _NAMING_EXPLAINERS)
    check_trained_again(config)
    check_regions(config)
    check_data(config)
    check_dims(config)
    config["dataset"] = expanded(config["dataset"], "dataset")
