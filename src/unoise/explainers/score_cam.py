"""Score-CAM (Wang et al. 2020, arXiv 1910.01279): activations weighted by what is left when they mask the image."""

import torch
from torch import Tensor

from unoise.explainers._cam import Cam, stretched

SETTINGS = {"layer": {"type": "string", "description": "Name of a layer of the segmenter's network"}}
NEEDS = ("layers",)
CHANNELS = 64  # a guess at those of the layer, for the estimate


class ScoreCam(Cam):
    """Sum of the channels, each weighted by its increase of confidence (definitions 2 and 3); its positive part.

    The confidence is the agreement with the clean prediction, the baseline is air. There is no softmax over the
    channels: it would make agreements, which lie in [0, 1], nearly equal weights.
    """

    @classmethod
    def passes(cls, settings: dict, shape: tuple[int, ...]) -> int:
        return 2 + CHANNELS

    @torch.no_grad()
    def small(self, images: Tensor, clean: Tensor) -> Tensor:
        activations = self.activations(images)
        baseline = self._agreement(torch.zeros_like(images), clean)
        total = torch.zeros_like(activations[:, :1])
        for channel in activations.split(1, dim=1):
            increase = self._agreement(images * _mask(channel, images.shape[2:]), clean) - baseline
            total += increase.reshape(-1, *[1] * (channel.dim() - 1)) * channel
        return total.relu()

    def _agreement(self, images: Tensor, clean: Tensor) -> Tensor:
        return self.context.target.agreement(self.context.segmenter.logits(images).sigmoid(), clean)


def _mask(channel: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A channel (N, 1, *s) as masks (N, 1, *S) from 0 to 1; an even one hides all."""
    large = stretched(channel, shape)
    axes = tuple(range(1, large.dim()))
    low, high = large.amin(axes, keepdim=True), large.amax(axes, keepdim=True)
    return torch.where(high > low, (large - low) / (high - low), 0)


EXPLAINER = ScoreCam
