"""What all objectives share."""

from abc import ABC, abstractmethod

from torch import Tensor

from unoise.networks.segmenter import Segmenter
from unoise.targets.class_target import ClassTarget


class Objective(ABC):
    """What an interpreter is trained for.

    Parameters
    ----------
    segmenter
        The frozen model that is explained.
    target
        What of it is explained.
    """

    def __init__(self, segmenter: Segmenter, target: ClassTarget):
        self.segmenter = segmenter
        self.target = target

    @abstractmethod
    def loss(self, scale_logits: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch.

        Parameters
        ----------
        scale_logits
            (N, 1, *S) float32, the interpreter's output; its sigmoid is the noise scale B.
        images
            (N, 1, *S) in window units.
        labels
            (N, 1, *S) class values.
        """
