"""Small random affine movements, intensity changes and noise."""

import torch
from torch import Tensor
from torch.nn import functional


def augment(images: Tensor, labels: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rotate (to 11 degrees), scale (to 12 %) and shift (to 6 %) images and labels; change the images' intensities.

    Volumes are rotated about the axis from the feet to the head.

    Parameters
    ----------
    images, labels
        (N, 1, *S) on any device; labels are resampled by nearest neighbour, beyond the border lies 0.
    random
        A generator on the CPU.
    """

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(len(images), device="cpu").uniform_(low, high, generator=random).to(images.device)

    angle, zoom = uniform(-0.2, 0.2), uniform(0.88, 1.12)
    across, along = zoom * angle.cos(), zoom * angle.sin()
    dims = images.dim() - 2
    shifts = [uniform(-0.12, 0.12) for _ in range(dims)]
    matrix = torch.diag_embed(zoom[:, None].expand(-1, dims).clone())
    first, second = dims - 1, dims - 2  # the last axis comes first in torch's grids
    matrix[:, second, second], matrix[:, second, first] = across, along
    matrix[:, first, second], matrix[:, first, first] = -along, across
    moved = torch.cat([matrix, torch.stack(shifts[::-1], 1)[:, :, None]], dim=2)
    grid = functional.affine_grid(moved, list(images.shape), align_corners=True)
    moved, labels = (
        functional.grid_sample(one, grid, mode=mode, padding_mode="zeros", align_corners=True)
        for one, mode in ((images, "bilinear"), (labels, "nearest"))
    )
    gain, shift, gamma, spread = (
        uniform(*ends).reshape(-1, *[1] * (dims + 1)) for ends in ((0.9, 1.1), (-0.04, 0.04), (0.85, 1.2), (0.0, 0.03))
    )
    noise = torch.randn(moved.shape, generator=random, device="cpu").to(images.device)
    return gain * moved.clamp(0, 1) ** gamma + shift + spread * noise, labels


AUGMENT = augment
