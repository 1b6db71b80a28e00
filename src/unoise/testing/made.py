"""A made case and a tiny segmenter on which an explainer is tried: slices of 32 x 32, or a volume of 32 x 32 x 16."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from unoise.compute import Compute, generator
from unoise.data.units import Units, volume
from unoise.data.volumes import write_volume
from unoise.explainers._atlas import write_atlas
from unoise.explainers.base import Context
from unoise.networks.build import INPUTS, Normalised
from unoise.networks.interpreter import Interpreter
from unoise.networks.segmenter import Segmenter
from unoise.networks.windows import Windows
from unoise.targets.class_target import ClassTarget
from unoise.workflow.methods import Method

CLASSES = ["vessel", "organ"]
TARGET = ClassTarget("organ", 1)
SHAPES = {2: (32, 32), 3: (32, 32, 16)}
SPACING = {2: (2.0, 3.0), 3: (2.0, 3.0, 5.0)}
AFFINE = np.diag([2.0, 3.0, 5.0, 1.0])
CHANNELS = 4
SEED = 7
_BY_CASE = {"structures"}  # those of an explainer's `NEEDS` that each case has
_CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}


class WatchedSegmenter(Segmenter):
    """Remembers whether it was asked for a layer."""

    asked_for_layer = False

    def layer(self, name: str) -> nn.Module:
        self.asked_for_layer = True
        return super().layer(name)


@dataclass(frozen=True)
class Trial:
    """What an explainer is tried on.

    Attributes
    ----------
    context
        With no more than the method's module says it needs.
    units
        Four slices, the last without a prediction; or one volume.
    files
        The case's preprocessed `image` and, where the method needs them, its labelled `structures`; its label lies
        beside them, as in a run.
    """

    context: Context
    units: Units
    files: dict[str, Path]


def make_trial(method: Method, dims: int, folder: Path) -> Trial:
    """A case, in a folder of its own, and what the method needs."""
    compute = Compute(torch.device("cpu"), torch.float32, 8)
    windows = Windows(SHAPES[3], 0.5) if dims == 3 else None
    segmenter = WatchedSegmenter(_network(dims), CLASSES, (-160.0, 240.0), 0.3, compute, windows)
    images = _images(dims, "made")
    units = Units("made", tuple(range(len(images))), images, segmenter.probabilities(images), SPACING[dims])
    cases = {case: _stored(folder / case, _images(dims, case)) for case in ("made", "train_1", "train_2")}
    segmenter.forwards = 0
    atlas = None
    if "atlas" in method.needs:
        keys = [{"case": case, "patient": case} for case in ("train_1", "train_2")]
        images_of, labels_of = ([cases[key["case"]][kind] for key in keys] for kind in ("image", "label"))
        atlas = folder / "atlas.safetensors"
        settings = {"target": {"class": TARGET.name}, "classes": CLASSES}
        write_atlas(settings, keys, images_of, labels_of, dims, atlas)
    known = [_images(dims, case) for case in ("train_1", "train_2")] if "references" in method.needs else []
    learned = _interpreter(dims, compute) if "interpreter" in method.needs else None
    context = Context(segmenter, TARGET, learned, compute, SEED, known, atlas)
    return Trial(context, units, {name: cases["made"][name] for name in ("image", *_BY_CASE & {*method.needs})})


def _network(dims: int) -> Normalised:
    """Predicts the organ where the image is bright; its layers are `first`, `active` and `last`."""
    first = _CONVOLUTION[dims](1, CHANNELS, 3, padding=1, device="cpu")
    last = _CONVOLUTION[dims](CHANNELS, len(CLASSES), 1, device="cpu")
    drawn = generator("testing", "network", dims)
    for weight in (*first.parameters(), *last.parameters()):
        nn.init.normal_(weight, 0, 0.05, generator=drawn)
    nn.init.constant_(first.weight[0], 3**-dims)
    nn.init.constant_(last.weight[TARGET.channel, 0], 20.0)
    nn.init.constant_(last.bias[TARGET.channel], -10.0)
    layers = OrderedDict(first=first, active=nn.ReLU(), last=last)
    return Normalised(nn.Sequential(layers).eval().requires_grad_(False), *INPUTS["window"], dims)


def _interpreter(dims: int, compute: Compute) -> Interpreter:
    network = _CONVOLUTION[dims](1, len(CLASSES), 3, padding=1, device="cpu")
    for weight in network.parameters():
        nn.init.normal_(weight, generator=generator("testing", "interpreter", dims))
    card = {"classes": CLASSES, "explains": [TARGET.name], "objective": {"anchor": "distance"}}
    card |= {"inference": {"patch": SHAPES[3], "overlap": 0.5}} if dims == 3 else {}
    return Interpreter(Normalised(network.requires_grad_(False), *INPUTS["window"], dims), card, compute)


def _images(dims: int, case: str) -> Tensor:
    """Units (N, 1, *S): dark noise and a bright box, which lies elsewhere in every slice and is missing in the last."""
    count = {2: 4, 3: 1}[dims]
    images = 0.2 + 0.1 * torch.rand((count, 1, *SHAPES[dims]), generator=generator("testing", case, dims), device="cpu")
    for place in range(count if dims == 3 else count - 1):
        images[(place, 0, slice(4 + place, 12 + place), slice(6, 15), *[slice(3, 8)] * (dims - 2))] += 0.6
    return images


def _stored(folder: Path, images: Tensor) -> dict[str, Path]:
    volumes = {"image": volume(images[:, 0]), "label": volume(2.0 * (images[:, 0] > 0.5))}
    volumes["structures"] = 1 + volumes["label"]
    for name, voxels in volumes.items():
        write_volume(folder / f"{name}.nii.gz", voxels, AFFINE)
    return {name: folder / f"{name}.nii.gz" for name in volumes}
