"""Malformed inputs, made by a script: a family a module, each with its `MALFORMED` and the entry point that `read`s it.

`test_corpus.py` says how each of them must end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Malformed:
    """One input.

    Attributes
    ----------
    name
        What is wrong with it.
    make
        Writes it into a folder.
    says
        What the line with which it ends must mention.
    """

    name: str
    make: Callable[[Path], object]
    says: tuple[str, ...]


def malformed(family: str, name: str) -> Malformed:
    """An input of a family by its name."""
    return next(one for one in import_module(f"corpus.{family}").MALFORMED if one.name == name)


def plain_config() -> dict:
    """The smallest config of a dataset of one's own."""
    return {
        "experiment": "tiny",
        "dataset": "data",
        "classes": {"liver": ["liver"]},
        "targets": {"liver": {"class": "liver"}},
        "segmenter": {"network": {"name": "UNet", "channels": [4, 8], "strides": [2]}},
        "interpreters": {},
        "explainers": {"control-random": {"method": "random"}},
    }


def write_config(folder: Path, content: object) -> None:
    (folder / "mine.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
