"""Seg-XRes-CAM (Hasany et al. 2023, CVPR Workshops, doi 10.1109/CVPRW59228.2023.00388)."""

from torch import Tensor
from torch.nn import functional

from unoise.explainers._cam import Cam
from unoise.explainers.base import Context

SETTINGS = {
    "layer": {"type": "string", "description": "Name of a layer of the segmenter's network"},
    "block": {"type": "integer", "minimum": 1, "default": 2, "description": "Side of a block, in places of the layer"},
    "pooling": {"enum": ["max", "mean"], "default": "max", "description": "What stands for a block's gradients"},
}
NEEDS = ("gradient", "layers")
_POOLS = {
    ("max", 2): functional.max_pool2d,
    ("max", 3): functional.max_pool3d,
    ("mean", 2): functional.avg_pool2d,
    ("mean", 3): functional.avg_pool3d,
}


class SegXResCam(Cam):
    """As HiResCAM, with the gradients pooled in blocks: between it (blocks of one) and Grad-CAM (one mean for all)."""

    def __init__(self, context: Context, layer: str, block: int, pooling: str):
        super().__init__(context, layer)
        self.block, self.pooling = block, pooling

    def small(self, images: Tensor, clean: Tensor) -> Tensor:
        activations, gradients = self.activations_and_gradients(images, clean)
        shape = gradients.shape[2:]
        block = [min(self.block, side) for side in shape]
        pooled = _POOLS[self.pooling, len(shape)](gradients, block, ceil_mode=True)
        whole = functional.interpolate(pooled, scale_factor=block)
        weights = whole[(..., *map(slice, shape))]
        return (weights * activations).sum(1, keepdim=True).relu()


EXPLAINER = SegXResCam
