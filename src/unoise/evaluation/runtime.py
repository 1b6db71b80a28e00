"""What an explanation of one slice takes, explainers in turn."""

import time
from pathlib import Path

import numpy as np
import torch

from unoise import tables
from unoise.compute import choose
from unoise.data.units import Units, read_parts, read_units
from unoise.explainers.base import Explainer, make_explainer
from unoise.networks.interpreter import Interpreter
from unoise.networks.segmenter import Segmenter
from unoise.targets.base import make_target

SLICES = 5
FILES = ("image", "label", "prediction", "structures")


def time_explainers(
    settings: dict,
    segmenter: Path,
    interpreters: dict[str, Path],
    references: list[Path],
    atlas: Path | None,
    cases: list[str],
    files: dict[str, list[Path]],
    out: Path,
    compute: dict,
) -> None:
    """Time each explainer on single slices that show the target, and write rows of `tables.RUNTIME`.

    Every slice goes through all explainers before the next one, so that a slow phase of the machine meets them all;
    the first slice warms up and is not counted. A GPU is waited for.

    Parameters
    ----------
    settings
        `key`, the values of the columns model and target; `target`; `explainers`, their settings by name.
    segmenter, interpreters
        Model files; interpreters by explainer.
    references, atlas
        What `make_explainer` takes, where an explainer needs it.
    cases, files
        Cases with the `FILES` of each, `structures` where an explainer needs them.
    """
    chosen = choose(compute, compute["training_threads"])
    model = Segmenter.load(segmenter, chosen)
    target = make_target(settings["target"], model.classes)
    explainers: dict[str, tuple[Explainer, dict]] = {}
    for name, own in settings["explainers"].items():
        learned = Interpreter.load(interpreters[name], chosen) if name in interpreters else None
        explainer = make_explainer(own, model, target, learned, chosen, references, atlas)
        explainers[name] = explainer, learned.card if learned else {}
    seconds: dict[str, list[float]] = {name: [] for name in explainers}
    case_files = {case: {name: paths[n] for name, paths in files.items()} for n, case in enumerate(cases)}
    slices = _slices(cases, files, target, chosen.device)
    for unit in slices:
        for name, (explainer, _) in explainers.items():
            explainer.begin(unit.case, case_files[unit.case])
            _wait(chosen.device)
            start = time.perf_counter()
            explainer.explain(unit)
            _wait(chosen.device)
            seconds[name].append(time.perf_counter() - start)
    rows = []
    for name, (_, card) in explainers.items():
        low, median, high = np.quantile(seconds[name][1:], (0.25, 0.5, 0.75)) if len(slices) > 1 else [None] * 3
        rows.append(
            {
                **settings["key"],
                "explainer": name,
                "parameters": card.get("parameters"),
                "pretrained": card.get("pretrained"),
                "device": chosen.device.type,
                "slices": max(0, len(slices) - 1),
                "median_seconds": median,
                "low_seconds": low,
                "high_seconds": high,
            }
        )
    tables.write(out, tables.RUNTIME, rows)


def _slices(cases: list[str], files: dict[str, list[Path]], target, device: torch.device) -> list[Units]:
    """The slice of each case that shows most of the target, then the next of each, until there are enough."""
    found = []
    for number, case in enumerate(cases):
        units, _ = read_units(case, files["image"][number], files["prediction"][number], device, dims=2)
        label, _ = read_parts(files["label"][number], case, device, dims=2)
        size = target.labelled(label[:, 0]).flatten(1).sum(1)
        order = size.argsort(descending=True, stable=True)
        for place, index in enumerate(order[: int((size > 0).sum())].tolist()):
            found.append((place, number, units.select(torch.arange(len(units), device=device) == index)))
    return [unit for _, _, unit in sorted(found, key=lambda one: one[:2])][: SLICES + 1]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
