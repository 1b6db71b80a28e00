"""What all objectives share."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from unoise.networks.segmenter import Segmenter
from unoise.targets.class_target import ClassTarget
from unoise.training.loop import Moment


@dataclass(frozen=True)
class Batch:
    """Images of a training step, with what the segmenter says of them: it is asked at the first need, and once.

    Attributes
    ----------
    images
        (N, 1, *S) in window units.
    labels
        (N, 1, *S) class values.
    segmenter
        The frozen model that is explained.
    """

    images: Tensor
    labels: Tensor
    segmenter: Segmenter

    @cached_property
    def probabilities(self) -> Tensor:
        """The clean prediction, (N, classes, *S), without gradients."""
        with torch.no_grad():
            return self.segmenter.logits(self.images).sigmoid()


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
    def loss(self, output: Tensor, batch: Batch, target: ClassTarget, moment: Moment) -> Tensor:
        """The loss of a batch.

        Parameters
        ----------
        output
            (N, 1, *S) float32, what the interpreter says of the target.
        batch
            The images it saw.
        target
            What of the segmenter is explained.
        moment
            How far the training is, and the source of everything random.
        """
