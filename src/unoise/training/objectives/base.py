"""What all objectives share."""

from abc import ABC, abstractmethod

from torch import Tensor

from unoise.networks.segmenter import Segmenter
from unoise.targets.class_target import ClassTarget
from unoise.training.loop import Moment


class Objective(ABC):
    """What an interpreter is trained for.

    Parameters
    ----------
    segmenter
        The frozen model that is explained.
    """

    def __init__(self, segmenter: Segmenter):
        self.segmenter = segmenter

    @abstractmethod
    def loss(self, output: Tensor, images: Tensor, labels: Tensor, target: ClassTarget, moment: Moment) -> Tensor:
        """The loss of a batch.

        Parameters
        ----------
        output
            (N, 1, *S) float32, what the interpreter says of the target.
        images
            (N, 1, *S) in window units.
        labels
            (N, 1, *S) class values.
        target
            What of the segmenter is explained.
        moment
            How far the training is, and the source of everything random.
        """
