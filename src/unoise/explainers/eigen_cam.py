"""Eigen-CAM (Muhammad and Yeasin 2020, arXiv 2008.00299): the first principal component of a layer's activations."""

import torch
from torch import Tensor

from unoise.explainers._cam import Cam

SETTINGS = {"layer": {"type": "string", "description": "Name of a layer of the segmenter's network"}}
NEEDS = ("layers",)
DIMS = (2,)  # the first component of one window of a volume is another than its neighbour's


class EigenCam(Cam):
    """Projection of the activations, not centred, on their first right singular vector; it knows nothing of the target.

    The vector's sign, which is arbitrary, is that which makes the map's sum positive.
    """

    @classmethod
    def passes(cls, settings: dict, shape: tuple[int, ...]) -> int:
        return 1

    @torch.no_grad()
    def small(self, images: Tensor, clean: Tensor) -> Tensor:
        activations = self.activations(images)
        places = activations.flatten(2).mT
        _, vectors = torch.linalg.eigh(places.mT @ places)
        projected = places @ vectors[..., -1:]
        sign = projected.sum(1, keepdim=True).sign()
        return (sign * projected).mT.unflatten(2, activations.shape[2:])


EXPLAINER = EigenCam
