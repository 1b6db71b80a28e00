"""A copy of a network for many passes without gradients: it computes the same in fewer steps."""

from collections.abc import Iterator
from copy import deepcopy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.utils.fusion import fuse_conv_bn_eval

from unoise.compute import Compute

TOLERANCE = 1e-3  # of logits in float32


@torch.no_grad()
def folded(network: nn.Module, compute: Compute, example: Tensor) -> nn.Module:
    """A copy in which each batch normalisation is part of the convolution before it, equal up to rounding.

    Where that changes what comes out, as with weights that a network uses twice, nothing is folded.

    On a CPU it is channels-last in float32 too. For bfloat16 the convolutions' weights are stored as autocast would
    make them in every pass.

    Parameters
    ----------
    network
        In evaluation mode.
    compute
        It is to run with `compute.autocast()`.
    example
        What it takes, (1, channels, *S).
    """
    copy = _fused(network)
    if not torch.allclose(copy(example), network(example), rtol=TOLERANCE, atol=TOLERANCE):
        copy = deepcopy(network)
    copy = compute.place(copy)
    if compute.device.type == "cpu":
        volumes = any(weight.dim() == 5 for weight in copy.parameters())
        copy = copy.to(memory_format=torch.channels_last_3d if volumes else torch.channels_last)
    if compute.dtype == torch.bfloat16:
        for module in copy.modules():
            if isinstance(module, _ConvNd):
                module.to(torch.bfloat16)
    return copy


def _fused(network: nn.Module) -> nn.Module:
    copy = deepcopy(network)
    for chain in list(_chains(copy)):
        for (holder, name, first), (next_holder, next_name, second) in pairwise(chain):
            if isinstance(first, _ConvNd) and isinstance(second, _BatchNorm) and second.running_mean is not None:
                setattr(holder, name, fuse_conv_bn_eval(first, second, transpose=isinstance(first, _ConvTransposeNd)))
                setattr(next_holder, next_name, nn.Identity())
    return copy


def _chains(network: nn.Module) -> Iterator[list[tuple[nn.Module, str, nn.Module]]]:
    """Layers that follow each other because an `nn.Sequential` says so, each with its holder and its name there."""
    inside = {child for module in network.modules() if _is_chain(module) for child in module.children()}
    for module in network.modules():
        if _is_chain(module) and module not in inside:
            yield list(_layers(module))


def _layers(chain: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    for name, child in chain.named_children():
        if _is_chain(child):
            yield from _layers(child)
        else:
            yield chain, name, child


def _is_chain(module: nn.Module) -> bool:
    return type(module).forward is nn.Sequential.forward
