"""U-Noise trained to keep the prediction at every visibility: one forward pass of the interpreter."""

from torch import Tensor

from unoise.data.units import Units
from unoise.explainers.base import Explainer

SETTINGS = {
    "interpreter": {"type": "string", "description": "An entry of `interpreters`, of the objective `visibility`"}
}
NEEDS = ("interpreter",)
TRAINED_FOR = "visibility"


class UNoiseVisibility(Explainer):
    """Importance is what the interpreter says; only its order within a unit means something."""

    def explain(self, units: Units) -> Tensor:
        return self.context.interpreter.output(units, self.context.target.name)


EXPLAINER = UNoiseVisibility
