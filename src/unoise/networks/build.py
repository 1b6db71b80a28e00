"""MONAI networks by name."""

from collections.abc import Sequence

import monai.networks.nets
import torch
from torch import nn

from unoise.errors import UserError


def build_network(settings: dict, in_channels: int, out_channels: int) -> nn.Module:
    """A network of `monai.networks.nets`.

    Parameters
    ----------
    settings
        Its class name as `name`, `spatial_dims`, and further arguments of its constructor.

    Raises
    ------
    UserError
        If there is no such network, or it refuses its arguments.
    """
    arguments = dict(settings)
    name = arguments.pop("name")
    network = getattr(monai.networks.nets, name, None)
    if not (isinstance(network, type) and issubclass(network, nn.Module)):
        raise UserError(f"network.name: monai.networks.nets has no network {name!r}", remedy="Try UNet or BasicUNet")
    try:
        return network(in_channels=in_channels, out_channels=out_channels, **arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f"network: {name} refuses its settings ({error})", remedy="See MONAI's reference") from None


def fitting_network(settings: dict, in_channels: int, out_channels: int, shape: Sequence[int]) -> nn.Module:
    """A new network, after one forward pass on the CPU that shows that it fits units of this shape.

    Raises
    ------
    UserError
        As `build_network`, and if it does not map (1, in_channels, *shape) to (1, out_channels, *shape).
    """
    network = build_network(settings, in_channels, out_channels).eval()
    fault = "it gives no logit for every voxel"
    try:
        with torch.no_grad():
            made = network(torch.zeros(1, in_channels, *shape, device="cpu"))
    except (RuntimeError, TypeError, ValueError) as error:
        made, fault = None, " ".join(str(error).split())[:200]
    if not isinstance(made, torch.Tensor) or made.shape != (1, out_channels, *shape):
        raise UserError(
            f"network: {settings['name']} cannot segment slices of {' x '.join(map(str, shape))} voxels ({fault})",
            remedy="Choose a segmentation network, and a preprocess.shape that its strides divide",
        )
    return network.train()
