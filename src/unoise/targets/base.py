"""What all targets share: what is explained, where it lies, and how much of it an obscured prediction keeps."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from unoise.data.units import Units
from unoise.networks import THRESHOLD
from unoise.workflow import methods


@dataclass(frozen=True)
class Target(ABC):
    """A decision of the segmenter, voxel by voxel, and the place of it that is explained.

    A module of this package whose name ends in `_target` holds one subclass, names it `TARGET`, and declares, as
    literals, the JSON schemas of its `SETTINGS` (`format: class` where one names a class: it is given the channel) and
    whether it `NEEDS` the `label`, so that the workflow need not import it.

    Attributes
    ----------
    name
        Name of its class.
    channel
        The channel of that class in the segmenter's output; in the label volume its value is `channel` + 1.
    """

    name: str
    channel: int

    def probability(self, probabilities: Tensor) -> Tensor:
        """(N, classes, *S) to the probability of the class (N, *S)."""
        return probabilities[:, self.channel]

    def predicted(self, probabilities: Tensor) -> Tensor:
        """(N, classes, *S) to the predicted organ (N, *S), bool."""
        return self.probability(probabilities) > THRESHOLD

    def belief(self, probabilities: Tensor) -> Tensor:
        """(N, classes, *S) to the probability (N, *S) of what is decided, the class."""
        return self.probability(probabilities)

    def evidence(self, logits: Tensor) -> Tensor:
        """(N, classes, *S) to what speaks for what is decided (N, *S), a logit."""
        return logits[:, self.channel]

    def decided(self, probabilities: Tensor) -> Tensor:
        """(N, classes, *S) to the voxels (N, *S), bool, on which the segmenter decides for it."""
        return self.belief(probabilities) > THRESHOLD

    @abstractmethod
    def locate(self, units: Units, label: Tensor | None) -> Units:
        """The units of a case from which `place` can say where the target lies.

        Parameters
        ----------
        units
            All units (N) of the case.
        label
            Class values (N, *S); None where the kind does not need them.
        """

    @abstractmethod
    def place(self, clean: Tensor) -> Tensor:
        """Where the target lies (N, *S), bool, from the probabilities of located units."""

    @abstractmethod
    def voxels(self, units: Units, label: Tensor) -> Tensor:
        """How many voxels of the target each of the located units has (N,), which `min_voxels` is about."""

    @abstractmethod
    def labelled(self, label: Tensor) -> Tensor | None:
        """Class values (N, *S) to what `dice` compares with (N, *S), bool; None where there is nothing such."""

    @abstractmethod
    def scalar(self, logits: Tensor, clean: Tensor) -> Tensor:
        """What a gradient is taken of.

        Parameters
        ----------
        logits
            (N, classes, *S).
        clean
            Probabilities of located units, constants.

        Returns
        -------
        Tensor
            (N,).
        """

    @abstractmethod
    def agreement(self, probabilities: Tensor, clean: Tensor) -> Tensor:
        """Soft Dice (N,) of what obscured probabilities (N, classes, *S) keep with `place`; 0 where that is empty.

        Parameters
        ----------
        clean
            Probabilities of located units.
        """

    @abstractmethod
    def kept(self, decided: Tensor, clean: Tensor, place: Tensor) -> Tensor:
        """The voxels whose Dice with those of the clean decisions, `kept(clean, clean, place)`, is the agreement.

        Parameters
        ----------
        decided, clean
            A judge's decisions on the obscured and on the full image.
        place
            Where the target lies; all are (N, *S), bool.
        """


class RegionTarget(Target):
    """A target that is a region and not a class: the decisions inside it, for the class or against it.

    Agreement is the Dice overlap of those voxels of the region whose decision stays with all of the region: 1 where all
    stay, 0 where none does, whether the segmenter marks the region (then it is the Dice of the marked voxels inside),
    leaves it out (that of the voxels left out) or both. The region is the segmenter's, the same for all judges.
    """

    @abstractmethod
    def region(self, units: Units, label: Tensor | None) -> Tensor:
        """The region (N, *S), bool; parameters as of `locate`."""

    def locate(self, units: Units, label: Tensor | None) -> Units:
        mask = self.region(units, label)[:, None]
        return replace(units, probabilities=torch.cat([units.probabilities, mask.to(units.probabilities)], dim=1))

    def place(self, clean: Tensor) -> Tensor:
        return clean[:, -1] > THRESHOLD

    def voxels(self, units: Units, label: Tensor) -> Tensor:
        return self.place(units.probabilities).flatten(1).sum(1)

    def labelled(self, label: Tensor) -> None:
        return None

    def scalar(self, logits: Tensor, clean: Tensor) -> Tensor:
        """The margin of the decisions: the sum over the region of what speaks for each as it was made."""
        evidence = self.evidence(logits)
        return (torch.where(self.decided(clean), evidence, -evidence) * self.place(clean)).flatten(1).sum(1)

    def agreement(self, probabilities: Tensor, clean: Tensor) -> Tensor:
        belief, place = self.belief(probabilities), self.place(clean).float()
        return soft_dice(torch.where(self.decided(clean), belief, 1 - belief) * place, place)

    def kept(self, decided: Tensor, clean: Tensor, place: Tensor) -> Tensor:
        return (decided == clean) & place


def make_target(settings: dict, classes: list[str]) -> Target:
    """The target of an entry of the config's `targets`."""
    method = methods.target(settings)
    own = {
        name: classes.index(settings[name]) if name in method.classes else settings[name] for name in method.settings
    }
    return method.load().TARGET(settings["class"], classes.index(settings["class"]), **own)


def soft_dice(probability: Tensor, reference: Tensor) -> Tensor:
    """Dice (N,) of probabilities with a reference in {0, 1}, both (N, *S); 0 where that is empty."""
    now, then = probability.flatten(1), reference.flatten(1)
    return 2 * (now * then).sum(1) / (now.sum(1) + then.sum(1)).clamp_min(1e-6)
