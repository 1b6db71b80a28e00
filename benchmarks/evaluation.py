"""How fast the evaluation is beside the segmenter alone.

Makes two phantoms and an untrained segmenter as `config/phantom_full.yaml` has them, evaluates a map of the first as a
job of the workflow does (reads its files, makes masks, obscures, segments, counts, writes the table), and lets the bare
network take as many slices in ready batches. Prints a table of both rates, slices a second, for each obscurer apart and
for those of `TOGETHER`. Needs no data; about two minutes on two cores.

    python benchmarks/evaluation.py [--size 128] [--batch 32] [--precision float32 bfloat16] [--repetitions 5]

Evaluation and network take turns in one process; a ratio is the median over the turns, since shared machines have slow
phases. `road` solves a linear system for every image: it has a single turn.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pandas as pd
import torch
from torch import Tensor

from unoise.compute import choose, generator, processor
from unoise.data.phantom import LABELS, SPACING, VOXELS, write_case
from unoise.data.preprocess import preprocess_case
from unoise.data.units import read_parts
from unoise.data.volumes import read_volume, write_volume
from unoise.evaluation.evaluate import EvaluateCases
from unoise.networks.build import build_network
from unoise.networks.models import save_model
from unoise.networks.segmenter import Segmenter
from unoise.workflow import methods
from unoise.workflow.config import read_config

CONFIG = Path(__file__).parents[1] / "config" / "phantom_full.yaml"
TOGETHER = ("zero", "mean", "noise", "donor")
APART = "road"
CLASS = "pancreas"
SPECIMEN = {"case": "p0", "patient": "p0", "split": "test"}
MODEL = {"model": "segmenter", "target": CLASS, "explainer": "made"}


def made_model(config: dict, folder: Path) -> Path:
    """The config's segmenter, untrained."""
    torch.manual_seed(config["seed"])
    network = config["segmenter"]["network"]
    card = {"network": network, "out_channels": 1, "classes": [CLASS], "window": config["preprocess"]["window"]}
    card |= {"preprocess": config["preprocess"], "training_data": {"body_mean": 0.5}}
    save_model(folder / "segmenter.safetensors", build_network(network, 1), card)
    return folder / "segmenter.safetensors"


def made_case(config: dict, patient: int, size: int, folder: Path) -> dict[str, Path]:
    """A preprocessed phantom of size² voxels a slice; its prediction is its label with noise, its map that noise."""
    case = f"p{patient}"
    scan, annotation = (folder / f"{case}_{name}.nii.gz" for name in ("scan", "annotation"))
    write_case(scan, annotation, config["seed"], patient)
    grid = {"shape": [size, size, None], "spacing": [VOXELS * SPACING / size] * 2 + [None]}
    files = {name: folder / f"{case}_{name}.nii.gz" for name in ("image", "label", "body")}
    written = files | {"source": folder / f"{case}.json"}
    preprocess_case(case, scan, annotation, LABELS, None, config["preprocess"] | grid, {CLASS: [CLASS]}, written)
    label, affine = read_volume(files["label"], case)
    noise = torch.rand(label.shape, generator=generator("benchmark", case), device="cpu").numpy()
    for name, voxels in (("prediction_original", (0.8 * label + 0.2 * noise)[..., None]), ("importance", noise)):
        files[name] = folder / f"{case}_{name}.nii.gz"
        write_volume(files[name], voxels, affine)
    return files


def seconds(run: Callable[[], object], device: torch.device) -> float:
    """What it takes; a GPU is waited for."""
    start = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


@torch.no_grad()
def forward(segmenter: Segmenter, batches: list[Tensor]) -> None:
    """The bare network over ready batches."""
    for batch in batches:
        with segmenter.compute.autocast():
            segmenter.network(batch)


def rows(config: dict, files: dict[str, Path], model: Path, repetitions: int, folder: Path) -> Iterator[dict]:
    """Of the table, for one precision."""
    out = {"metrics": folder / "metrics.parquet"}
    evaluation = {key: config["evaluation"][key] for key in ("kept_first", "removed_first")}
    settings = {"key": MODEL, "target": {"class": CLASS}, "seed": config["seed"], "min_voxels": 1, **evaluation}
    for names in (*((name,) for name in TOGETHER), TOGETHER, (APART,)):
        used = {name: methods.find("obscurers", name) for name in names}
        obscurers = {name: {key: own["default"] for key, own in one.settings.items()} for name, one in used.items()}
        read = {kind: path for kind, path in files.items() if kind != "donor" or "donor" in names}
        cases = EvaluateCases(settings | {"obscurers": obscurers}, {"judge_original": model}, config["compute"])
        segmenter, device = cases.judges.original, cases.compute.device
        images, _ = read_parts(files["image"], SPECIMEN["case"], device, dims=2)
        turns = []
        for _ in range(1 if APART in names else 1 + repetitions):
            before = segmenter.forwards
            evaluated = seconds(lambda cases=cases, read=read: cases(SPECIMEN, read, out), device)
            slices = segmenter.forwards - before
            batches = images[torch.arange(slices, device=device) % len(images)].split(cases.compute.batch_size)
            bare = seconds(lambda segmenter=segmenter, batches=batches: forward(segmenter, batches), device)
            turns.append((slices / evaluated, slices / bare))
        turns = turns[1:] or turns  # the first fetches memory and chooses kernels
        yield {
            "precision": config["compute"]["precision"],
            "obscurers": ", ".join(names),
            "slices": slices,
            "evaluation, slices/s": f"{median(turn[0] for turn in turns):.1f}",
            "bare forward, slices/s": f"{median(turn[1] for turn in turns):.1f}",
            "evaluation ÷ bare": f"{median(turn[0] / turn[1] for turn in turns):.3f}",
        }


def main() -> None:
    """Read the command line, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=128, help="voxels along both sides; default: %(default)s")
    parser.add_argument("--batch", type=int, default=32, help="slices; default: %(default)s")
    precisions = ("float32", "bfloat16")
    parser.add_argument("--precision", nargs="+", choices=precisions, default=precisions, help="default: both")
    parser.add_argument("--repetitions", type=int, default=5, help="turns; default: %(default)s")
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s, as jobs that go through cases")
    options = parser.parse_args()
    config = read_config(CONFIG)
    compute = {"batch_size": options.batch, "case_threads": options.threads}
    found = []
    with TemporaryDirectory() as made:
        folder = Path(made)
        files = made_case(config, 0, options.size, folder)
        files["donor"] = made_case(config, 1, options.size, folder)["image"]
        model = made_model(config, folder)
        for precision in options.precision:
            own = config | {"compute": config["compute"] | compute | {"precision": precision}}
            found += rows(own, files, model, options.repetitions, folder)
    device = choose(own["compute"], options.threads).device
    print(
        f"{processor()}, {options.threads} threads, device {device.type}; torch {torch.__version__}; slices of "
        f"{options.size}², batches of {options.batch}. Medians of {options.repetitions} turns.\n"
    )
    print(pd.DataFrame(found).to_markdown(index=False, disable_numparse=True))


if __name__ == "__main__":
    main()
