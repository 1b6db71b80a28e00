"""HiResCAM (Draelos and Carin 2020, arXiv 2011.08891), by Captum."""

from captum.attr import LayerGradientXActivation
from torch import Tensor

from unoise.explainers._cam import Cam

SETTINGS = {"layer": {"type": "string", "description": "Name of a layer of the segmenter's network"}}
NEEDS = ("gradient", "layers")


class HiResCam(Cam):
    """Sum over the layer's channels of gradient times activation, place by place; its positive part."""

    def small(self, images: Tensor, clean: Tensor) -> Tensor:
        method = LayerGradientXActivation(self.context.scalar, self.layer)
        return method.attribute(images, additional_forward_args=(clean,)).sum(1, keepdim=True).relu()


EXPLAINER = HiResCam
