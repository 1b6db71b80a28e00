"""Grad-CAM for segmentation, by Captum (Selvaraju et al. 2017; the scalar of Vinogradova et al. 2020)."""

import torch
from captum.attr import LayerAttribution, LayerGradCam
from torch import Tensor

from unoise.data.units import Units
from unoise.explainers.base import Context, Explainer

SETTINGS = {"layer": {"type": "string", "description": "Name of a layer of the segmenter's network"}}
NEEDS = ("gradient", "layers")
DIMS = (2,)  # one gradient does not pass through the windows of a volume


class GradCam(Explainer):
    """Class activation map of a layer for the sum of the target's logits over the predicted organ."""

    def __init__(self, context: Context, layer: str):
        super().__init__(context)
        self.layer = context.segmenter.layer(layer)

    def explain(self, units: Units) -> Tensor:
        segmenter, target = self.context.segmenter, self.context.target

        def scalar(images: Tensor, clean: Tensor) -> Tensor:
            return target.scalar(segmenter.logits(images), clean)

        method = LayerGradCam(scalar, self.layer)
        maps = []
        size = self.context.compute.batch_size
        for images, clean in zip(units.images.split(size), units.probabilities.split(size), strict=True):
            small = method.attribute(
                images.detach().requires_grad_(), additional_forward_args=(clean,), relu_attributions=True
            )
            maps.append(LayerAttribution.interpolate(small.detach(), images.shape[2:], "bilinear")[:, 0])
        return torch.cat(maps)


EXPLAINER = GradCam
