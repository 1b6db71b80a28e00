"""Kernel SHAP on the labelled structures of a case (Lundberg and Lee 2017, arXiv 1705.07874), one feature each."""

from pathlib import Path

import torch
from torch import Tensor

from unoise.data.units import Units, read_parts
from unoise.errors import UserError
from unoise.explainers._supervoxels import supervoxels
from unoise.explainers.base import Context
from unoise.explainers.kernel_shap import KernelShap

SETTINGS = {
    "rest": {
        "type": "integer",
        "minimum": 1,
        "default": 50,
        "description": "Supervoxels of a unit, about, that cut up what no structure covers; 1: it is one feature",
    },
    "compactness": {
        "type": "number",
        "exclusiveMinimum": 0,
        "default": 0.2,
        "description": "Of these supervoxels; see `kernel_shap`",
    },
    "samples": {"type": "integer", "minimum": 2, "default": 1000, "description": "Images with some features hidden"},
    "fill": {"type": "number", "default": 0.0, "description": "Value of hidden features, in window units"},
}
NEEDS = ("structures",)


class KernelShapStructures(KernelShap):
    """The Shapley value of the labelled structure that a voxel belongs to; of a part of the rest where none covers it.

    A structure is a value of the dataset's label, the target's own among them: their outlines are what people drew, not
    what the segmenter predicts.
    """

    def __init__(self, context: Context, rest: int, compactness: float, samples: int, fill: float):
        super().__init__(context, rest, compactness, samples, fill)

    def begin(self, case: str, files: dict[str, Path]) -> None:
        parts, _ = read_parts(files["structures"], case, self.context.compute.device, self.context.segmenter.dims)
        self.structures = parts[:, 0].long()
        if not (self.structures > 0).any():
            raise UserError(
                "its label volume marks no structure, so that there are no features to weigh",
                case=case,
                file=files["structures"],
                remedy="Label structures, or take `kernel_shap`, whose features are supervoxels",
            )

    def features(self, units: Units, number: int) -> Tensor:
        """As in `KernelShap`: what looks as if hidden already, parts of the rest, structures that the unit shows."""
        image, structures = units.images[number, 0], self.structures[units.index[number]]
        parts = supervoxels(image, units.spacing, self.count, self.compactness)
        parts = parts.masked_fill(image == self.fill, -1)
        return torch.where(structures > 0, parts.max() + structures, parts).unique(return_inverse=True)[1]


EXPLAINER = KernelShapStructures
