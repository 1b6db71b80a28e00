"""Small random affine movements, intensity changes and noise."""

import torch
from torch import Tensor
from torch.nn import functional


def augment(images: Tensor, labels: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rotate (to 11 degrees), scale (to 12 %) and shift (to 6 %) slices and labels; change the slices' intensities.

    Parameters
    ----------
    images, labels
        (N, 1, X, Y) on any device; labels are resampled by nearest neighbour, beyond the border lies 0.
    random
        A generator on the CPU.
    """

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(len(images), device="cpu").uniform_(low, high, generator=random).to(images.device)

    angle, zoom = uniform(-0.2, 0.2), uniform(0.88, 1.12)
    across, along = zoom * angle.cos(), zoom * angle.sin()
    first, second = uniform(-0.12, 0.12), uniform(-0.12, 0.12)
    rows = [across, along, second, -along, across, first]  # the second axis comes first in torch's grids
    grid = functional.affine_grid(torch.stack(rows, dim=1).reshape(-1, 2, 3), list(images.shape), align_corners=True)
    moved, labels = (
        functional.grid_sample(one, grid, mode=mode, padding_mode="zeros", align_corners=True)
        for one, mode in ((images, "bilinear"), (labels, "nearest"))
    )
    gain, shift, gamma, spread = (
        uniform(*ends).reshape(-1, 1, 1, 1) for ends in ((0.9, 1.1), (-0.04, 0.04), (0.85, 1.2), (0.0, 0.03))
    )
    noise = torch.randn(moved.shape, generator=random, device="cpu").to(images.device)
    return gain * moved.clamp(0, 1) ** gamma + shift + spread * noise, labels


AUGMENT = augment
