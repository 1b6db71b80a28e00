"""U-Noise: the interpreter's noise scale, one forward pass (Koker et al. 2021, arXiv 2101.05791, section 2)."""

import torch
from torch import Tensor

from unoise.compute import in_batches
from unoise.data.units import Units
from unoise.explainers.base import Explainer

SETTINGS = {"interpreter": {"type": "string", "description": "An entry of `interpreters`"}}
NEEDS = ("interpreter",)
VOLUMES = ("importance", "noise_scale")


class UNoise(Explainer):
    """Importance 1 − B, where B in [0, 1] is the noise scale that the interpreter predicts."""

    def explain(self, units: Units) -> Tensor:
        return self.volumes(units)["importance"]

    @torch.no_grad()
    def volumes(self, units: Units) -> dict[str, Tensor]:
        noise_scale = in_batches(self._noise_scale, self.context.compute.batch_size, units.images)
        return {"importance": 1 - noise_scale, "noise_scale": noise_scale}

    def _noise_scale(self, images: Tensor) -> Tensor:
        with self.context.compute.autocast():
            return self.context.interpreter(images)[:, 0].float().sigmoid()


EXPLAINER = UNoise
