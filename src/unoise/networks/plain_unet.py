"""The U-Net of the U-Noise paper (Koker et al. 2021, arXiv 2101.05791), of MONAI's blocks."""

from itertools import pairwise

import torch
from monai.networks.blocks import Convolution
from torch import Tensor, nn


def _convolution(spatial_dims: int, in_channels: int, out_channels: int) -> Convolution:
    """A 3×3 convolution with bias, batch normalisation and ReLU."""
    return Convolution(spatial_dims, in_channels, out_channels, kernel_size=3, norm="batch", act="relu")


class Up(nn.Module):
    """Doubles the resolution (nearest neighbour and one convolution), and joins what the way down left there."""

    def __init__(self, spatial_dims: int, in_channels: int, out_channels: int):
        super().__init__()
        self.up = nn.Sequential(nn.Upsample(scale_factor=2), _convolution(spatial_dims, in_channels, out_channels))
        self.conv = nn.Sequential(
            _convolution(spatial_dims, in_channels, out_channels),
            _convolution(spatial_dims, out_channels, out_channels),
        )

    def forward(self, deep: Tensor, shallow: Tensor) -> Tensor:
        return self.conv(torch.cat([self.up(deep), shallow], dim=1))


class PlainUNet(nn.Module):
    """Blocks of two 3×3 convolutions, max pooling on the way down, a 1×1 convolution at the end.

    With three input channels and one output: depth 5 from 64 channels has 34,527,041 parameters (the paper's
    segmenter); depths 2, 3 and 4 from 16 channels have 28,529, 130,577 and 537,425 (its interpreters).

    Parameters
    ----------
    depth
        Number of resolutions; each side of the input is divisible by 2**(depth − 1).
    channels
        Of the first block; they double with each halving of the resolution.
    """

    def __init__(self, spatial_dims: int, in_channels: int, out_channels: int, depth: int, channels: int):
        super().__init__()
        widths = [channels * 2**level for level in range(depth)]
        self.downs = nn.ModuleList(
            nn.Sequential(_convolution(spatial_dims, before, after), _convolution(spatial_dims, after, after))
            for before, after in pairwise([in_channels, *widths])
        )
        self.ups = nn.ModuleList(Up(spatial_dims, deep, shallow) for deep, shallow in pairwise(reversed(widths)))
        self.pool = {2: nn.MaxPool2d, 3: nn.MaxPool3d}[spatial_dims](2)
        self.conv1x1 = Convolution(spatial_dims, channels, out_channels, kernel_size=1, conv_only=True)

    def forward(self, images: Tensor) -> Tensor:
        """(N, in_channels, *S) to logits (N, out_channels, *S)."""
        levels = [self.downs[0](images)]
        for down in self.downs[1:]:
            levels.append(down(self.pool(levels[-1])))
        made = levels.pop()
        for up in self.ups:
            made = up(made, levels.pop())
        return self.conv1x1(made)
