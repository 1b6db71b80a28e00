"""The readers of foreign files, each given bytes; inputs to start from; what a fuzzer found.

The first byte of an input says which reader it is for. A reader understands it or raises a `UserError`; anything else
is a fault, and its input belongs into `tests/corpus/found/`, where a test reads it again.
"""

import gzip
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np
import safetensors.torch
import torch

from unoise import tables
from unoise.data.decathlon import read_task
from unoise.data.volumes import read_volume
from unoise.errors import UserError
from unoise.networks.build import Normalised, build_network
from unoise.networks.models import load_model
from unoise.networks.weights import load_weights
from unoise.workflow.config import read_config
from unoise.workflow.manifest import Case, read_manifest, write_manifest

NETWORK = {"name": "UNet", "input": "window", "spatial_dims": 2, "channels": [4, 8], "strides": [2]}
CONFIG = """experiment: tiny
dataset: data
classes: {liver: [liver]}
targets: {liver: {class: liver}}
segmenter: {network: {name: UNet}}
interpreters: {}
explainers: {control-random: {method: random}}
"""
FOUND = Path(__file__).parents[1] / "tests" / "corpus" / "found"


@cache
def _network() -> Normalised:
    return build_network(NETWORK, 1)


def _curves(path: Path) -> None:
    tables.read(path, tables.CURVES)


def _model(path: Path) -> None:
    from unoise.compute import Compute

    load_model(path, Compute(torch.device("cpu"), torch.float32, 1))


# Name of the file and what reads it, by the first byte.
READERS: list[tuple[str, Callable[[Path], object]]] = [
    ("scan.nii", lambda path: read_volume(path, "scan")),
    ("scan.nii.gz", lambda path: read_volume(path, "scan")),
    ("cases.tsv", read_manifest),
    ("dataset.json", lambda path: read_task(path.parent)),
    ("mine.yaml", read_config),
    ("weights.pt", lambda path: load_weights(_network(), path)),
    ("weights.safetensors", lambda path: load_weights(_network(), path)),
    ("model.safetensors", _model),
    ("curves.parquet", _curves),
]


def attempt(content: bytes, folder: Path) -> str | None:
    """Read an input in a folder; the line by which it was refused, or None where it was understood."""
    if not content:
        return None
    name, read = READERS[content[0] % len(READERS)]
    path = folder / name
    path.write_bytes(content[1:])
    try:
        read(path)
    except UserError as error:
        return str(error)
    finally:
        path.unlink()
    return None


def seeds(folder: Path) -> Iterator[bytes]:
    """A sound input for each reader, made in a folder."""
    made: dict[str, bytes] = {}
    for kind in (nib.Nifti1Image, nib.Nifti2Image):
        content = kind(np.arange(8, dtype=np.int16).reshape(2, 2, 2), np.eye(4)).to_bytes()
        made = {"scan.nii": content, "scan.nii.gz": gzip.compress(content)}
        yield from (_with_first_byte(name, one) for name, one in made.items())
    cases = [Case(name, name, split, "i", "l", "liver=1") for name, split in (("a", "train"), ("b", "test"))]
    write_manifest(folder / "cases.tsv", cases)
    task = {"labels": {"1": "liver"}, "training": [{"image": "a.nii", "label": "b.nii"}]}
    (folder / "dataset.json").write_text(json.dumps(task))
    (folder / "mine.yaml").write_text(CONFIG, encoding="utf-8")
    weights = _network().network.state_dict()
    torch.save(weights, folder / "weights.pt")
    safetensors.torch.save_file(weights, folder / "weights.safetensors")
    card = json.dumps({"network": NETWORK, "out_channels": 1})
    safetensors.torch.save_file(weights, folder / "model.safetensors", {"card": card})
    tables.write(folder / "curves.parquet", tables.CURVES, [{"model": "a", "visibility": 0.5}])
    for name, _ in READERS[2:]:
        yield _with_first_byte(name, (folder / name).read_bytes())


def _with_first_byte(name: str, content: bytes) -> bytes:
    return bytes([[one for one, _ in READERS].index(name)]) + content
