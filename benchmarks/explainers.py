"""How fast every explainer is beside its peer in Captum or MONAI, and whether both give the same map.

Makes a phantom, trains MONAI's UNet of 1.6 M parameters on its slices for a few steps, so that hiding matters, explains
one slice by every explainer, and prints a table for each size of the slice. Needs no data; minutes on two cores.

    python benchmarks/explainers.py [--sides 128 256] [--only occlusion …] [--repeats 3] [--out docs/speed.md]

Ours in float32, ours in bfloat16 and the peer (float32) take turns; a ratio is the median over the turns, since shared
machines have slow phases.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import pandas as pd
import torch
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn.functional import interpolate

from explainer_peers import CAPTUM_OCCLUSION, LAYER, MONAI_OCCLUSION, PEERS, Peer
from unoise.compute import Compute, processor
from unoise.data.phantom import LABELS, generate
from unoise.data.units import Units, cut
from unoise.explainers.base import Context, Explainer
from unoise.explainers.occlusion import Occlusion
from unoise.files import whole_file
from unoise.networks.build import build_network
from unoise.networks.interpreter import Interpreter
from unoise.networks.segmenter import Segmenter
from unoise.targets.class_target import ClassTarget
from unoise.training.loop import step
from unoise.training.segmenter import segmentation_loss
from unoise.workflow import methods

ORGAN, WINDOW, SEED = "liver", (-160, 240), 2101
NETWORK = {"name": "UNet", "spatial_dims": 2, "input": "window", "channels": [16, 32, 64, 128, 256]}
NETWORK |= {"strides": [2, 2, 2, 2], "num_res_units": 2, "norm": "batch"}
KNOWN = {"gradient", "layers", "interpreter", "references"}  # what this benchmark can give an explainer
FEW = {"rise": {"masks": 200}, "kernel_shap": {"samples": 300}, "extremal": {"steps": 20}}  # not a thousand passes
RELEVANT = 0.01  # of the largest value; ranks are compared above it
NONE = "–"


@dataclass(frozen=True)
class Entry:
    """An explainer with its settings, and its peer."""

    method: str
    settings: dict
    peer: Peer | None = None

    def explainer(self, context: Context) -> Explainer:
        """Ours."""
        return methods.find("explainers", self.method).load().EXPLAINER(context, **self.settings)


def entries(only: list[str]) -> Iterator[Entry]:
    """Every explainer that can be run from an image and a network alone, occlusion once for each peer."""
    for name in methods.names("explainers"):
        method = methods.find("explainers", name)
        own = {key: one["default"] for key, one in method.settings.items() if "default" in one}
        own |= FEW.get(name, {}) | ({"layer": LAYER} if "layers" in method.needs else {})
        missing = set(method.settings) - set(own) - {"interpreter"}
        if (only and name not in only) or missing or not KNOWN.issuperset(method.needs):
            continue
        if name == "occlusion":
            yield Entry(name, own | {"border": "cut"}, CAPTUM_OCCLUSION)
            yield Entry(name, own | {"patch": 16, "border": "inside"}, MONAI_OCCLUSION)
        else:
            yield Entry(name, own, PEERS.get(name))


def phantom(side: int) -> tuple[Tensor, Tensor]:
    """The slices of a patient that show the organ: images and labels (N, 1, side, side), by size of the organ."""
    hu, label, _ = generate(SEED, 0)
    organ = label == LABELS[ORGAN]
    shown = organ.sum((0, 1)).argsort()[::-1][: organ.any((0, 1)).sum()].copy()
    device, low, high = torch.device("cpu"), *WINDOW
    images = interpolate(cut(hu[None, :, :, shown], device, 2), (side, side), mode="bilinear", antialias=True)
    labels = interpolate(cut(organ[None, :, :, shown], device, 2), (side, side), mode="nearest")
    return ((images - low) / (high - low)).clamp(0, 1), labels


def contexts(side: int, steps: int) -> tuple[dict[torch.dtype, Context], dict[torch.dtype, Units]]:
    """A network trained for some steps and a slice, in each precision."""
    images, labels = phantom(side)
    torch.manual_seed(SEED)
    network = build_network(NETWORK, 1)
    plain = Compute(torch.device("cpu"), torch.float32, 8)
    loss = segmentation_loss(network, [1], 1.0, plain)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(steps):
        drawn = torch.randint(len(images), (4,), device="cpu")
        step(network, optimizer, loss(images[drawn], labels[drawn]), 1.0)
    network.eval().requires_grad_(False)
    made, units = {}, {}
    for dtype in (torch.float32, torch.bfloat16):
        compute = replace(plain, dtype=dtype)
        placed = compute.place(deepcopy(network))
        segmenter = Segmenter(placed, [ORGAN], WINDOW, 0.3, compute)
        segmenter.fold((side, side))
        card = {"classes": [ORGAN], "explains": [ORGAN], "objective": {"anchor": "none"}}
        learned = Interpreter(placed, card, compute)
        made[dtype] = Context(segmenter, ClassTarget(ORGAN, 0), learned, compute, SEED, [images])
        units[dtype] = Units("phantom", (0,), images[:1], segmenter.probabilities(images[:1]), (384 / side,) * 2)
    return made, units


def measured(entry: Entry, made: dict[torch.dtype, Context], units: dict[torch.dtype, Units], repeats: int) -> dict:
    """A row of the table."""
    plain = torch.float32
    ours = {dtype: entry.explainer(context) for dtype, context in made.items()}
    runs = [lambda dtype=dtype: ours[dtype].explain(units[dtype]).detach() for dtype in made]
    counter = made[plain].segmenter
    before = counter.forwards + counter.backwards
    maps = [run() for run in runs]  # not timed: the first run fetches memory and chooses kernels
    passes = counter.forwards + counter.backwards - before
    if entry.peer:
        runs.append(lambda: entry.peer.map(made[plain], units[plain], entry.settings))
        maps.append(runs[-1]())
    turns = [[timed(run) for run in runs] for _ in range(repeats)]
    values = maps[:2]
    if isinstance(ours[plain], Occlusion):
        values = [ours[dtype].drops(units[dtype].images[0], units[dtype].probabilities[0]) for dtype in made]
    row = {
        "explainer": entry.method,
        "passes": passes,
        "float32, s": f"{median(turn[0] for turn in turns):.2f}",
        "bfloat16 ÷ float32": f"{median(turn[1] / turn[0] for turn in turns):.2f}",
        "their ranks": ranks(*values),
    }
    if entry.peer:
        largest = maps[2].abs().max().item()
        off = (maps[0] - maps[2]).abs().max().item()
        row |= {
            "peer": entry.peer.name,
            "float32 ÷ peer": f"{median(turn[0] / turn[2] for turn in turns):.2f}",
            "bfloat16 ÷ peer": f"{median(turn[1] / turn[2] for turn in turns):.2f}",
            "off by": f"{off / largest:.0e}" if entry.peer.exact and largest else NONE,
            "ranks as the peer's": ranks(maps[2], maps[0]),
        }
    return row


def timed(run: Callable[[], Tensor]) -> float:
    """Seconds."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def ranks(one: Tensor, other: Tensor) -> str:
    """Spearman's rank correlation where the first is above 1 % of its largest value."""
    kept = one.abs() > RELEVANT * one.abs().max()
    found = spearmanr(one[kept], other[kept]).statistic if kept.sum() > 1 else float("nan")
    return NONE if pd.isna(found) else f"{found:.3f}"


def page(options: argparse.Namespace) -> str:
    """The tables as Markdown."""
    matrices = "with" if torch.cpu._is_amx_tile_supported() else "without"
    parts = [
        "# Explainers beside their peers",
        f"{processor()}, {torch.get_num_threads()} threads, {matrices} matrix instructions for bfloat16; "
        f"torch {torch.__version__}. Ratios of seconds: medians of {options.repeats} turns. Peers run in float32, in "
        "batches as large as ours where they can. Off by: max |Δ| ÷ max |map| of the peer. Ranks: Spearman's "
        "correlation where the map (of occlusion: a window's drop) is above 1 % of its largest value.",
    ]
    for side in options.sides:
        made, units = contexts(side, options.steps)
        organ = made[torch.float32].target.predicted(units[torch.float32].probabilities)
        rows = [measured(entry, made, units, options.repeats) for entry in entries(options.only)]
        table = pd.DataFrame(rows).fillna(NONE).to_markdown(index=False, disable_numparse=True)
        parts += [f"## One slice of {side}²; the {ORGAN} found in {organ.float().mean():.1%} of it", table]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Read the command line, print the tables, write them where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[128, 256], help="voxels; default: %(default)s")
    parser.add_argument("--only", nargs="+", default=[], help="these explainers alone; default: all")
    parser.add_argument("--repeats", type=int, default=3, help="turns; default: %(default)s")
    parser.add_argument("--steps", type=int, default=40, help="of training; default: %(default)s")
    parser.add_argument("--threads", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--out", type=Path, help="a Markdown file to write as well")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    text = page(options)
    print(text)
    if options.out:
        with whole_file(options.out) as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
