"""Small made things that several tests use."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from monai.networks.nets import UNet
from torch import Tensor, nn

from unoise.compute import Compute, generator
from unoise.data.units import Units, volume
from unoise.data.volumes import write_volume
from unoise.explainers.base import Context, Explainer
from unoise.networks.build import INPUTS, Normalised
from unoise.networks.segmenter import Segmenter
from unoise.networks.windows import Windows
from unoise.targets.class_target import ClassTarget
from unoise.workflow import methods

CPU = Compute(torch.device("cpu"), torch.float32, 8)


class Bright(nn.Module):
    """Predicts the organ where the image, averaged over 3x3 voxels, is above a threshold: it needs what it marks."""

    def __init__(self, threshold: float = 0.5):
        super().__init__()
        self.threshold = threshold
        self.average = nn.Conv2d(1, 1, 3, padding=1, bias=False)
        nn.init.constant_(self.average.weight, 1 / 9)

    def forward(self, images: Tensor) -> Tensor:
        return 40 * (self.average(images) - self.threshold)


def made_segmenter(network: nn.Module, compute: Compute = CPU) -> Segmenter:
    return Segmenter(Normalised(network, *INPUTS["window"], 2), ["organ"], (-160, 240), 0.3, compute)


def bright_segmenter(compute: Compute = CPU, threshold: float = 0.5) -> Segmenter:
    return made_segmenter(Bright(threshold).eval().requires_grad_(False), compute)


def random_segmenter(dims: int, network: nn.Module | None = None, windows: Windows | None = None) -> Segmenter:
    """Of random weights that predict about half of the voxels; a 3D one takes volumes of 16 x 16 x 8 in one window."""
    torch.manual_seed(3)
    network = network or UNet(dims, 1, 1, (4, 8, 8), (2, 2), norm="batch")
    windows = windows or (Windows((16, 16, 8), 0.5) if dims == 3 else None)
    wrapped = Normalised(network.eval().requires_grad_(False), *INPUTS["window"], dims)
    return Segmenter(wrapped, ["organ"], (-160, 240), 0.3, Compute(CPU.device, CPU.dtype, 2), windows)


def random_units(segmenter: Segmenter) -> Units:
    """Three slices of 16 x 16, or a volume of 16 x 16 x 8, with half of the voxels predicted."""
    shape = {2: (3, 1, 16, 16), 3: (1, 1, 16, 16, 8)}[segmenter.dims]
    images = torch.rand(shape, generator=generator("random units"))
    logits = segmenter.network(images)
    probabilities = (logits - logits.median()).sigmoid()
    return Units("made", tuple(range(len(images))), images, probabilities, (2.0,) * segmenter.dims)


def made_explainer(
    method: str, segmenter: Segmenter, references: Sequence[Tensor] = (), **settings: object
) -> Explainer:
    """An explainer of the organ, seeded by 5, that knows these training units."""
    context = Context(segmenter, ClassTarget("organ", 0), None, segmenter.compute, 5, references)
    return methods.find("explainers", method).load().EXPLAINER(context, **settings)


def close_to_peer(mine: Tensor, peer: Tensor) -> None:
    """The same map within 1e-4 of its largest value."""
    assert mine.shape == peer.shape
    assert peer.abs().max() > 0
    assert (mine - peer).abs().max() <= 1e-4 * peer.abs().max()


def square_units(segmenter: Segmenter, side: int = 32, count: int = 2) -> Units:
    """Dark images with one bright square, at (8…15, 4 + n…13 + n)."""
    images = torch.full((count, 1, side, side), 0.2, device="cpu")
    for number in range(count):
        images[number, 0, 8:16, 4 + number : 14 + number] = 0.9
    return Units("made", tuple(range(count)), images, segmenter.probabilities(images), (2.0, 3.0))


def stored_case(folder: Path, units: Units, **volumes: Tensor) -> dict[str, Path]:
    """Volumes of a case on disk by name: its image, a body that is everywhere, and slices (N, X, Y) or (N, C, X, Y)."""
    everything = {"image": units.images[:, 0], "body": torch.ones_like(units.images[:, 0]), **volumes}
    files = {name: folder / f"{name}.nii.gz" for name in everything}
    for name, one in everything.items():
        channels = [volume(channel) for channel in one.unbind(1)] if one.ndim == 4 else []
        write_volume(files[name], np.stack(channels, -1) if channels else volume(one), np.diag([*units.spacing, 5, 1]))
    return files
