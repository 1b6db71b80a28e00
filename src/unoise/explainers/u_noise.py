"""U-Noise as published: the interpreter's noise scale, one forward pass (Koker et al. 2021, arXiv 2101.05791)."""

from torch import Tensor

from unoise.data.units import Units
from unoise.explainers.base import Explainer

SETTINGS = {"interpreter": {"type": "string", "description": "An entry of `interpreters`, of the objective `paper`"}}
NEEDS = ("interpreter",)
TRAINED_FOR = "paper"
VOLUMES = ("importance", "noise_scale")


class UNoise(Explainer):
    """Importance 1 − B, where B in [0, 1] is the noise scale that the interpreter predicts (section 2)."""

    def explain(self, units: Units) -> Tensor:
        return self.volumes(units)["importance"]

    def volumes(self, units: Units) -> dict[str, Tensor]:
        noise_scale = self.context.interpreter.output(units, self.context.target.name).sigmoid()
        return {"importance": 1 - noise_scale, "noise_scale": noise_scale}


EXPLAINER = UNoise
