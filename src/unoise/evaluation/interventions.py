"""Whether a segmenter uses the cue that was planted: the cue is changed, and its answer looked at."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from unoise import tables
from unoise.compute import choose
from unoise.data.planted.base import LABELS, write_case
from unoise.data.preprocess import preprocess_case
from unoise.data.units import read_parts, read_units
from unoise.networks.segmenter import Segmenter
from unoise.targets.base import Target, make_target
from unoise.workflow import methods

FILES = ("image", "label", "source", "prediction")


def measure_interventions(
    settings: dict,
    segmenter: Path,
    keys: list[dict],
    files: dict[str, list[Path]],
    out: Path,
    compute: dict,
) -> None:
    """Change the cue of each case in every way, and measure what is left of the clean prediction.

    Parameters
    ----------
    settings
        What `TruthPlan.intervention_settings` gives.
    segmenter
        Its model file.
    keys, files
        Key columns of each case, and its `number` among the phantoms; of each its `FILES`.
    out
        For rows of `tables.INTERVENTIONS`.
    compute
        The config's `compute`.
    """
    model = Segmenter.load(segmenter, choose(compute, compute["case_threads"]))
    target = make_target(settings["target"], model.classes)
    rows = [
        {**settings["key"], "patient": key["patient"], **row}
        for number, key in enumerate(keys)
        for row in _case(settings, model, target, key, {name: listed[number] for name, listed in files.items()})
    ]
    tables.write(out, tables.INTERVENTIONS, rows)


def _case(settings: dict, model: Segmenter, target: Target, key: dict, files: dict[str, Path]) -> Iterator[dict]:
    case, device = key["case"], model.compute.device
    units, _ = read_units(case, files["image"], files["prediction"], device, model.dims)
    label = read_parts(files["label"], case, device, model.dims)[0][:, 0]
    units = target.locate(units, label)
    keep = target.voxels(units, label) >= settings["min_voxels"]
    clean = target.predicted(units.probabilities[keep])
    window = json.loads(files["source"].read_text(encoding="utf-8"))["window"]
    for change, effect in methods.find("data.planted", settings["phantom"]["planted"]).load().CHANGES.items():
        changed = _changed(settings, key, change, window, device, model.dims)[keep]
        found = target.predicted(model.probabilities(changed))
        both, sizes = int((found & clean).sum()), int(found.sum() + clean.sum())
        yield {"change": change, "effect": effect, "agreement": 2 * both / sizes if clean.any() else None}


def _changed(settings: dict, key: dict, change: str, window: list[float], device: torch.device, dims: int) -> Tensor:
    """The case's units with the change, preprocessed as the case itself was."""
    phantom, own = settings["phantom"], {**settings["preprocess"], "window": window}
    with TemporaryDirectory() as name:
        folder = Path(name)
        image, label = folder / "image.nii.gz", folder / "label.nii.gz"
        write_case(image, label, phantom["planted"], phantom["seed"], key["number"], change)
        out = {kind: folder / f"new_{kind}.nii.gz" for kind in ("image", "label", "body")}
        out["source"] = folder / "source.json"
        preprocess_case(key["case"], image, label, LABELS, None, own, settings["classes"], out)
        return read_parts(out["image"], key["case"], device, dims)[0]
