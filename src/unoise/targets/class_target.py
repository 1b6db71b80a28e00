"""A whole class as the target."""

from dataclasses import dataclass

from torch import Tensor

from unoise.networks import THRESHOLD


@dataclass(frozen=True)
class ClassTarget:
    """One class of the segmenter.

    Attributes
    ----------
    name
        Name of the class.
    channel
        Its channel in the segmenter's output; in the label volume its value is `channel` + 1.
    """

    name: str
    channel: int

    def probability(self, probabilities: Tensor) -> Tensor:
        """(N, classes, *S) to the probability of the target (N, *S)."""
        return probabilities[:, self.channel]

    def predicted(self, probabilities: Tensor) -> Tensor:
        """(N, classes, *S) to the predicted organ (N, *S), bool."""
        return self.probability(probabilities) > THRESHOLD

    def labelled(self, label: Tensor) -> Tensor:
        """Class values (N, *S) to the labelled organ (N, *S), bool."""
        return label == self.channel + 1

    def scalar(self, logits: Tensor, clean: Tensor) -> Tensor:
        """What a gradient is taken of: the sum of the target's logits over the predicted organ.

        Parameters
        ----------
        logits
            (N, classes, *S).
        clean
            Clean probabilities (N, classes, *S), constants.

        Returns
        -------
        Tensor
            (N,).
        """
        return (self.probability(logits) * self.predicted(clean)).flatten(1).sum(1)

    def agreement(self, probabilities: Tensor, clean: Tensor) -> Tensor:
        """Soft Dice of the obscured probability with the clean predicted organ (N,); 0 where that is empty."""
        reference = self.predicted(clean).flatten(1).float()
        now = self.probability(probabilities).flatten(1)
        return 2 * (now * reference).sum(1) / (now.sum(1) + reference.sum(1)).clamp_min(1e-6)


def make_target(settings: dict, classes: list[str]) -> ClassTarget:
    """The target of an entry of the config's `targets`."""
    return ClassTarget(settings["class"], classes.index(settings["class"]))
