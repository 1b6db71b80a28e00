"""What explainers by the gradient of the image share: Captum's methods, for units of any number of axes."""

from captum.attr import InputXGradient, IntegratedGradients, Saliency
from torch import Tensor

from unoise.explainers.base import Context


def attributed(
    context: Context,
    method: Saliency | InputXGradient | IntegratedGradients,
    images: Tensor,
    clean: Tensor,
    **options: object,
) -> Tensor:
    """What a method of Captum for `context.scalar` attributes to every voxel, (N, 1, *S).

    A volume is explained window by window: each for the scalar inside it, and averaged as the windows' probabilities
    are.

    Parameters
    ----------
    images, clean
        (N, 1, *S) and (N, classes, *S), as in `Context.scalar`.
    options
        Of the method's `attribute`.
    """

    def at_once(images: Tensor, clean: Tensor) -> Tensor:
        inputs = images.detach().requires_grad_()
        return method.attribute(inputs, additional_forward_args=(clean,), **options).detach()

    return context.segmenter.over(at_once, images, clean)


def gradient(context: Context, images: Tensor, clean: Tensor) -> Tensor:
    """The gradient of `context.scalar`, with its sign, (N, 1, *S)."""
    return attributed(context, Saliency(context.scalar), images, clean, abs=False)
