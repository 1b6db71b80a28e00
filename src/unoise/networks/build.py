"""MONAI networks by name."""

import monai.networks.nets
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
