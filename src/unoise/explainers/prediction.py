"""Control: the prediction itself."""

from torch import Tensor

from unoise.data.units import Units
from unoise.explainers.base import Explainer


class Prediction(Explainer):
    """The clean probability of the target's class."""

    def explain(self, units: Units) -> Tensor:
        return self.context.target.probability(units.probabilities)


EXPLAINER = Prediction
