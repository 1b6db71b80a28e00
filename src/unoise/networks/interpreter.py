"""An interpreter as explainers see it."""

from pathlib import Path

import torch
from torch import Tensor

from unoise.compute import Compute, in_batches
from unoise.data.units import Units
from unoise.errors import UserError
from unoise.networks.build import Normalised
from unoise.networks.models import load_model
from unoise.networks.windows import Windows


class Interpreter:
    """A trained interpreter: units in, one value a voxel out, for the class that is asked for.

    Parameters
    ----------
    network
        Maps (N, 1, *S), or with the prediction (N, 2, *S), to (N, classes, *S).
    card
        Of the model; its `classes` are those of the segmenter, its `explains` those that it was trained for, its
        `inference`, of a 3D model, how it goes over volumes.
    compute
        Device, precision, batch size.
    """

    def __init__(self, network: Normalised, card: dict, compute: Compute):
        self.network, self.card, self.compute = network, card, compute
        self.windows = Windows.of(card)

    @classmethod
    def load(cls, path: Path, compute: Compute) -> "Interpreter":
        """Load a trained interpreter; raises as `load_model`."""
        return cls(*load_model(path, compute), compute)

    @torch.no_grad()
    def output(self, units: Units, name: str) -> Tensor:
        """What it says of a class (N, *S), float32, in batches or windows.

        Raises
        ------
        UserError
            If it was not trained for this class.
        """
        if name not in self.card["explains"]:
            raise UserError(
                f"the interpreter was not trained for {name!r}",
                remedy=f"It explains: {', '.join(self.card['explains'])}",
            )
        channel = self.card["classes"].index(name)

        def one_batch(part: Tensor) -> Tensor:
            with self.compute.autocast():
                return self.network(part)[:, channel, None].float()

        over = self.windows.over if self.windows else in_batches
        seen = self.network.beside(units.images, units.probabilities[:, channel, None])
        return over(one_batch, self.compute.batch_size, seen)[:, 0]
