"""Grad-CAM++ (Chattopadhyay et al. 2018, arXiv 1710.11063)."""

import torch
from torch import Tensor

from unoise.explainers._cam import Cam

SETTINGS = {"layer": {"type": "string", "description": "Name of a layer of the segmenter's network"}}
NEEDS = ("gradient", "layers")


class GradCamPlusPlus(Cam):
    """Activations weighted by the positive gradients' mean, in which each place counts by equation 19.

    The paper's score is exp(S); that factor, one for all voxels, is left out, since a sum of logits over an organ
    overflows it.
    """

    def small(self, images: Tensor, clean: Tensor) -> Tensor:
        activations, gradients = self.activations_and_gradients(images, clean)
        axes = tuple(range(2, gradients.dim()))
        below = 2 * gradients**2 + activations.sum(axes, keepdim=True) * gradients**3
        alphas = torch.where(below != 0, gradients**2 / below, 0)
        weights = (alphas * gradients.relu()).sum(axes, keepdim=True)
        return (weights * activations).sum(1, keepdim=True).relu()


EXPLAINER = GradCamPlusPlus
