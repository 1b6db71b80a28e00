"""Networks by name, with what is done to their input."""

from collections.abc import Sequence

import monai.networks.nets
import torch
from torch import Tensor, nn

from unoise.errors import UserError
from unoise.networks.plain_unet import PlainUNet
from unoise.networks.windows import Windows

# Mean and standard deviation of each channel that a network sees, by the config's `network.input`.
INPUTS = {
    "window": ((0.0,), (1.0,)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "prediction": ((0.0, 0.0), (1.0, 1.0)),  # a second channel holds the segmenter's probability of the target
}


class Normalised(nn.Module):
    """A network that sees images of one channel repeated, or beside the segmenter's probability, and normalised.

    Parameters
    ----------
    network
        Maps (N, channels, *S) to (N, out_channels, *S).
    mean, std
        Of each channel, in window units.
    spatial_dims
        2: it sees slices; 3: patches of volumes.
    """

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float], spatial_dims: int):
        super().__init__()
        self.network = network
        self.spatial_dims = spatial_dims
        shape = (1, len(mean), *[1] * spatial_dims)
        self.register_buffer("mean", torch.tensor(mean, device="cpu").reshape(shape), persistent=False)
        self.register_buffer("std", torch.tensor(std, device="cpu").reshape(shape), persistent=False)

    @property
    def sees_prediction(self) -> bool:
        """Whether it sees the segmenter's probability of the target beside the image."""
        return self.mean.shape[1] == len(INPUTS["prediction"][0])

    def normalise(self, images: Tensor) -> Tensor:
        """(N, 1, *S) in window units, or (N, channels, *S), to what the network sees (N, channels, *S)."""
        return (images - self.mean) / self.std

    def beside(self, images: Tensor, probability: Tensor) -> Tensor:
        """What to give it: images (N, 1, *S), and beside them the probability (N, 1, *S) where it sees two channels."""
        return torch.cat([images, probability], dim=1) if self.sees_prediction else images

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, *S) in window units, or (N, 2, *S) with a probability beside them, to (N, out_channels, *S)."""
        return self.network(self.normalise(images))


def build_network(settings: dict, out_channels: int) -> Normalised:
    """A network of `monai.networks.nets`, or this project's `PlainUNet`.

    Parameters
    ----------
    settings
        Its class name as `name`, `spatial_dims`, `input` (a key of `INPUTS`) and further arguments of its constructor.

    Raises
    ------
    UserError
        If there is no such network, or it refuses its arguments.
    """
    arguments = dict(settings)
    name, (mean, std) = arguments.pop("name"), INPUTS[arguments.pop("input")]
    kind = PlainUNet if name == PlainUNet.__name__ else getattr(monai.networks.nets, name, None)
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise UserError(
            f"network.name: monai.networks.nets has no network {name!r}",
            remedy=f"Try UNet or BasicUNet, or {PlainUNet.__name__}",
        )
    try:
        network = kind(in_channels=len(mean), out_channels=out_channels, **arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f"network: {name} refuses its settings ({error})", remedy="See its reference") from None
    return Normalised(network, mean, std, arguments["spatial_dims"])


def fitting_network(
    settings: dict, out_channels: int, shape: Sequence[int], windows: Windows | None = None
) -> Normalised:
    """A new network, after one forward pass on the CPU that shows that it fits images of this shape, and the windows.

    Raises
    ------
    UserError
        As `build_network`, and if it does not map (1, 1, *shape) to (1, out_channels, *shape).
    """
    network = build_network(settings, out_channels)
    for size in dict.fromkeys([tuple(shape), *([tuple(windows.patch)] if windows else [])]):
        check_fit(network, settings["name"], out_channels, size)
    return network


def check_fit(network: Normalised, name: str, out_channels: int, shape: Sequence[int]) -> None:
    """Raise a `UserError` unless a network in training maps (1, 1, *shape) to (1, out_channels, *shape)."""
    network.eval()
    fault = "it gives no logit for every voxel"
    try:
        with torch.no_grad():
            made = network(torch.zeros(1, 1, *shape, device="cpu"))
    except (RuntimeError, TypeError, ValueError) as error:
        made, fault = None, " ".join(str(error).split())[:200]
    if not isinstance(made, torch.Tensor) or made.shape != (1, out_channels, *shape):
        seen, setting = {2: ("slices", "preprocess.shape"), 3: ("patches", "patch")}[network.spatial_dims]
        raise UserError(
            f"network: {name} cannot segment {seen} of {' x '.join(map(str, shape))} voxels ({fault})",
            remedy=f"Choose a segmentation network, and a {setting} that its strides divide",
        )
    network.train()


def parameter_count(network: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(one.numel() for one in network.parameters())
