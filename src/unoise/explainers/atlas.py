"""Control: where the organ usually is."""

from torch import Tensor

from unoise.data.units import Units
from unoise.explainers._atlas import read_atlas
from unoise.explainers.base import Context, Explainer

NEEDS = ("atlas",)


class Usual(Explainer):
    """The share of the training patients, other than the units' own, who have the labelled organ there.

    Of each training patient, a slice is met by the one that looks most alike from afar; a volume by the whole volume,
    stretched to the same height. Nothing of the units but the image is looked at.
    """

    def __init__(self, context: Context):
        super().__init__(context)
        self.atlas = read_atlas(context.atlas)

    def explain(self, units: Units) -> Tensor:
        return self.atlas.of(units)


EXPLAINER = Usual
