"""U-Noise trained to keep the prediction at every visibility: one forward pass of the interpreter."""

from torch import Tensor

from unoise.data.units import Units
from unoise.explainers.base import Explainer
from unoise.training.objectives.visibility import importance

SETTINGS = {
    "interpreter": {"type": "string", "description": "An entry of `interpreters`, of the objective `visibility`"}
}
NEEDS = ("interpreter",)
TRAINED_FOR = "visibility"


class UNoiseVisibility(Explainer):
    """Importance is what the interpreter adds to its anchor; only its order within a unit means something."""

    def explain(self, units: Units) -> Tensor:
        learned, target = self.context.interpreter, self.context.target
        organ = target.predicted(units.probabilities).float()
        return importance(learned.output(units, target.name), organ, learned.card["objective"]["anchor"])


EXPLAINER = UNoiseVisibility
