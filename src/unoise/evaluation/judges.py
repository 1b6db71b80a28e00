"""The networks that segment obscured images."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor

from unoise.compute import Compute
from unoise.data.units import Units, read_parts, read_probabilities
from unoise.networks.segmenter import Segmenter
from unoise.obscurers.base import Surroundings
from unoise.targets.base import make_target
from unoise.workflow.names import ORIGINAL


class Judges:
    """The segmenter itself, as `original`, and the networks of the config's `judges`.

    Parameters
    ----------
    models
        Model files, by the names that `Plan.judge_input` gives them: `judge_<name>`.
    target
        An entry of the config's `targets`.
    compute
        Device, precision, batch size.

    Attributes
    ----------
    original
        The segmenter that is explained.
    target
        What of it is explained; all judges have the same classes.
    """

    def __init__(self, models: dict[str, Path], target: dict, compute: Compute):
        self._networks = {name.removeprefix("judge_"): Segmenter.load(path, compute) for name, path in models.items()}
        self.original = self._networks[ORIGINAL]
        self.target = make_target(target, self.original.classes)
        self._device = compute.device

    @property
    def names(self) -> list[str]:
        """Of the judges."""
        return list(self._networks)

    def surroundings(self, case: str, files: dict[str, Path], seed: int) -> Surroundings:
        """What obscurers may know: of the segmenter, and the preprocessed image of the `donor` where there is one."""
        lent = read_parts(files["donor"], case, self._device, self.original.dims)[0] if "donor" in files else None
        return Surroundings(self.original.window, self.original.body_mean, lent, seed)

    def kept(self, images: Tensor, clean: Mapping[str, Tensor], place: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Each judge's name and what it keeps of the target (N, *S), bool, on images (N, 1, *S).

        Parameters
        ----------
        clean
            By judge what it decides on the full images, from `clean`.
        place
            Where the target lies in them (N, *S), bool.
        """
        for name, network in self._networks.items():
            yield name, self.target.kept(self.target.decided(network.probabilities(images)), clean[name], place)

    def clean(self, files: dict[str, Path], units: Units, keep: Tensor) -> dict[str, Tensor]:
        """What each judge decides (N, *S), bool, on the unobscured units.

        Parameters
        ----------
        files
            The case's predictions, by the names that `Plan.judge_input` gives them: `prediction_<name>`.
        units
            Those of the case, with the original's probabilities, where `keep` is true.
        keep
            A bool for every unit of the case.
        """

        def probabilities(name: str) -> Tensor:
            if name == ORIGINAL:
                return units.probabilities
            return read_probabilities(files[f"prediction_{name}"], units.case, self._device, self.original.dims)[keep]

        return {name: self.target.decided(probabilities(name)) for name in self._networks}
