"""What class activation maps share: a layer, its activations and gradients, and the way back to the image's grid."""

from abc import abstractmethod

import torch
from captum.attr import LayerActivation
from torch import Tensor, nn
from torch.nn.functional import interpolate

from unoise.data.units import Units
from unoise.explainers.base import Context, Explainer

MODES = {2: "bilinear", 3: "trilinear"}


class Cam(Explainer):
    """A map on the grid of a layer, interpolated linearly to the image's.

    A volume is explained window by window: each for the scalar inside it, and averaged as the windows' probabilities
    are.
    """

    def __init__(self, context: Context, layer: str):
        super().__init__(context)
        self.layer = context.segmenter.layer(layer)

    @classmethod
    def passes(cls, settings: dict, shape: tuple[int, ...]) -> int:
        return 2

    def explain(self, units: Units) -> Tensor:
        return self.context.segmenter.over(self._large, units.images, units.probabilities)[:, 0]

    def _large(self, images: Tensor, clean: Tensor) -> Tensor:
        small = self.small(images.detach().requires_grad_(), clean)
        return stretched(small.detach().float(), images.shape[2:])

    @abstractmethod
    def small(self, images: Tensor, clean: Tensor) -> Tensor:
        """The map on the layer's grid (N, 1, *s), for images (N, 1, *S) and their clean probabilities."""

    @torch.no_grad()
    def activations(self, images: Tensor) -> Tensor:
        """Of the layer (N, C, *s), float32."""
        return LayerActivation(self.context.segmenter.logits, self.layer).attribute(images).float()

    def activations_and_gradients(self, images: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
        """Of the layer, for `Context.scalar`; each (N, C, *s), float32. One forward and one backward pass."""
        kept: list[Tensor] = []

        def keep(_layer: nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
            kept.append(output)
            return output.clone()  # an activation that works in place must not change what was kept

        hook = self.layer.register_forward_hook(keep)
        try:
            score = self.context.scalar(images, clean).sum()
        finally:
            hook.remove()
        gradients = torch.autograd.grad(score, kept[-1])[0]
        return kept[-1].detach().float(), gradients.float()


def stretched(small: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Maps (N, 1, *s) interpolated linearly to a shape: (N, 1, *S)."""
    return interpolate(small, shape, mode=MODES[len(shape)])
