"""The segmenter as explainers, objectives and the evaluation see it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from unoise.compute import Compute, generator, in_batches
from unoise.errors import UserError
from unoise.networks.build import Normalised
from unoise.networks.folding import folded
from unoise.networks.models import load_model
from unoise.networks.windows import Windows


class Segmenter:
    """A frozen segmentation network: images in window units in, one probability a class out.

    Parameters
    ----------
    network
        Maps (N, 1, *S) to logits (N, classes, *S); its parameters do not require gradients.
    classes
        Names of the classes, in the order of the channels.
    window
        HU that are 0 and 1 in window units.
    body_mean
        Mean of the training bodies in window units.
    compute
        Device, precision, batch size.
    windows
        How a 3D network goes over volumes; None: it takes whole units.

    Attributes
    ----------
    forwards, backwards
        Units, or windows of them, that went through the network, and gradients that came back, so far.
    """

    def __init__(
        self,
        network: Normalised,
        classes: list[str],
        window: tuple[float, float],
        body_mean: float,
        compute: Compute,
        windows: Windows | None = None,
    ):
        self.network = network
        self.classes = classes
        self.window = window
        self.body_mean = body_mean
        self.compute = compute
        self.windows = windows
        self.forwards = 0
        self.backwards = 0
        self._many = network.network  # for passes without gradients

    @classmethod
    def load(cls, path: Path, compute: Compute) -> "Segmenter":
        """Load a trained segmenter; raises as `load_model`."""
        network, card = load_model(path, compute)
        body_mean, windows = card["training_data"]["body_mean"], Windows.of(card)
        segmenter = cls(network, list(card["classes"]), tuple(card["window"]), body_mean, compute, windows)
        segmenter.fold(windows.patch if windows else card["preprocess"]["shape"][:2])
        return segmenter

    def fold(self, shape: Sequence[int]) -> None:
        """Let `probabilities` go through a `folded` copy of the network as it is now; shape: of what it takes."""
        example = torch.rand(1, 1, *shape, generator=generator("fold"), device="cpu").to(self.compute.device)
        self._many = folded(self.network.network, self.compute, self.network_input(example))

    @property
    def dims(self) -> int:
        """Of a unit: 2, a slice, or 3, a volume."""
        return self.network.spatial_dims

    @property
    def units_at_once(self) -> int:
        """How many units to put together for `probabilities`: a batch of slices, or one volume."""
        return 1 if self.windows else self.compute.batch_size

    def logits(self, images: Tensor) -> Tensor:
        """(N, 1, *S) to float32 logits (N, classes, *S), with gradients where they are enabled."""
        return self.logits_of_input(self.network_input(images))

    def network_input(self, images: Tensor) -> Tensor:
        """(N, 1, *S) to what the network sees: its channels, normalised, (N, channels, *S)."""
        return self.network.normalise(images)

    def logits_of_input(self, network_input: Tensor) -> Tensor:
        """As `logits`, from what the network sees."""
        with self.compute.autocast():
            logits = self.network.network(network_input).float()
        self.forwards += len(logits)
        if logits.requires_grad:
            self.backwards += len(logits)
        return logits

    @torch.no_grad()
    def probabilities(self, images: Tensor) -> Tensor:
        """(N, 1, *S) to float32 probabilities (N, classes, *S), in batches or windows, without gradients."""
        return self.over(self._probabilities, images)

    def _probabilities(self, images: Tensor) -> Tensor:
        with self.compute.autocast():
            logits = self._many(self.network_input(images))
        self.forwards += len(images)
        return logits.float().sigmoid()

    def over(self, function: Callable[..., Tensor], *units: Tensor) -> Tensor:
        """Apply a function of what the network takes at once, (N, Cᵢ, *S) → (N, C, *S), to units (N, Cᵢ, *S).

        In batches; volumes in windows, whose results are averaged as the probabilities are.
        """
        over = self.windows.over if self.windows else in_batches
        return over(function, self.compute.batch_size, *units)

    def layer(self, name: str) -> nn.Module:
        """A layer of the network by its name.

        Raises
        ------
        UserError
            If there is none; the message lists those that there are.
        """
        modules = self.network.network.named_modules()
        layers = {one: module for one, module in modules if type(module).forward is not nn.Module.forward}
        if name not in layers or not name:
            raise UserError(f"the segmenter has no layer {name!r}", remedy=f"It has: {', '.join(filter(None, layers))}")
        return layers[name]
