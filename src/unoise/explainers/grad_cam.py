"""Grad-CAM for segmentation, by Captum (Selvaraju et al. 2017; the scalar of Vinogradova et al. 2020)."""

from captum.attr import LayerGradCam
from torch import Tensor

from unoise.explainers._cam import Cam

SETTINGS = {"layer": {"type": "string", "description": "Name of a layer of the segmenter's network"}}
NEEDS = ("gradient", "layers")


class GradCam(Cam):
    """Sum of the layer's channels, each weighted by its mean gradient; its positive part."""

    def small(self, images: Tensor, clean: Tensor) -> Tensor:
        method = LayerGradCam(self.context.scalar, self.layer)
        return method.attribute(images, additional_forward_args=(clean,), relu_attributions=True)


EXPLAINER = GradCam
