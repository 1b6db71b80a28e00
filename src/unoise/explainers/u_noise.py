"""U-Noise as published: the interpreter's noise scale, one forward pass (Koker et al. 2021, arXiv 2101.05791)."""

from torch import Tensor

from unoise.data.units import Units
from unoise.explainers.base import Explainer

SETTINGS = {"interpreter": {"type": "string", "description": "An entry of `interpreters`, of the objective `paper`"}}
NEEDS = ("interpreter",)
TRAINED_FOR = "paper"
VOLUMES = ("importance", "noise_scale")


class UNoise(Explainer):
    """The less noise, the more important: by −g(x), in the order of 1 − B, where B = sigmoid(g(x)) is the noise scale.

    1 − B itself has no order where B is so near to 0 or 1 that float32 rounds it (section 2 of the paper).
    """

    def explain(self, units: Units) -> Tensor:
        return self.volumes(units)["importance"]

    def volumes(self, units: Units) -> dict[str, Tensor]:
        output = self.context.interpreter.output(units, self.context.target.name)
        return {"importance": -output, "noise_scale": output.sigmoid()}


EXPLAINER = UNoise
