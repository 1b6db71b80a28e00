"""What explainers by the gradient of the image share: how they go over units of any number of axes."""

from collections.abc import Callable
from functools import partial

from captum.attr import Saliency
from torch import Tensor

from unoise.explainers.base import Context


def attributed(context: Context, attribute: Callable[..., Tensor], images: Tensor, clean: Tensor) -> Tensor:
    """What a method of Captum for `context.scalar` attributes to every voxel, (N, 1, *S).

    A volume is explained window by window: each for the scalar inside it, and averaged as the windows' probabilities
    are.

    Parameters
    ----------
    attribute
        The method's `attribute`: called with images that require a gradient and, as `additional_forward_args`, their
        clean probabilities.
    images, clean
        (N, 1, *S) and (N, classes, *S), as in `Context.scalar`.
    """

    def at_once(images: Tensor, clean: Tensor) -> Tensor:
        return attribute(images.detach().requires_grad_(), additional_forward_args=(clean,)).detach()

    return context.segmenter.over(at_once, images, clean)


def gradient(context: Context, images: Tensor, clean: Tensor) -> Tensor:
    """The gradient of `context.scalar`, with its sign, (N, 1, *S)."""
    return attributed(context, partial(Saliency(context.scalar).attribute, abs=False), images, clean)
