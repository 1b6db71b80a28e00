"""What takes the place of hidden voxels in training: made from the image itself or from nothing.

Blur, another patient's voxels, scrambled spectra and interpolation are not among them: the evaluation hides with these
too, and an interpreter must never have met them.
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

Filling = Callable[[Tensor, torch.Generator], Tensor]
_NOISE = (0.15, 1.5)  # standard deviation in window units, log-uniform
_CELLS = (2, 32)  # of a texture, along each axis
_SIDES = (4, 8, 16, 32)  # of shuffled tiles, in voxels
_INTERPOLATION = {1: "linear", 2: "bilinear", 3: "trilinear"}


def zero(images: Tensor, random: torch.Generator) -> Tensor:
    """The floor of the window."""
    return torch.zeros_like(images)


def noise(images: Tensor, random: torch.Generator) -> Tensor:
    """The image with white noise of a random strength."""
    return images + log_uniform(_NOISE, images, random) * torch.randn(images.shape, generator=random, device="cpu").to(
        images.device
    )


def constant(images: Tensor, random: torch.Generator) -> Tensor:
    """One random value an image."""
    return uniform((0, 1), images, random).expand_as(images)


def texture(images: Tensor, random: torch.Generator) -> Tensor:
    """A smooth random texture of random coarseness, between two random values."""
    low, high = uniform((0, 1), images, random), uniform((0, 1), images, random)
    return low + (high - low) * smooth_field(images, random)


def shuffled(images: Tensor, random: torch.Generator) -> Tensor:
    """The image's own tiles in random order."""
    shape, dims = images.shape[2:], images.dim() - 2
    sides = [side for side in _SIDES if all(size > side and size % side == 0 for size in shape)] or [1]
    side = sides[_whole(0, len(sides), random)]
    cells = [size // side for size in shape]
    cut = images.reshape(-1, *(size for cell in cells for size in (cell, side)))
    tiles = cut.permute(0, *range(1, 2 * dims, 2), *range(2, 2 * dims + 1, 2)).flatten(1, dims).flatten(2)
    order = torch.rand(tiles.shape[:2], generator=random, device="cpu").argsort(1).to(images.device)
    drawn = tiles.gather(1, order[:, :, None].expand_as(tiles)).reshape(-1, *cells, *[side] * dims)
    return drawn.permute(0, *(axis + half for axis in range(1, dims + 1) for half in (0, dims))).reshape(images.shape)


def rolled(images: Tensor, random: torch.Generator) -> Tensor:
    """The image moved by any distance along each axis; what leaves at one side enters at the other."""
    axes = tuple(range(1, images.dim() - 1))
    return torch.stack([one.roll([_whole(0, n, random) for n in images.shape[2:]], axes) for one in images])


def flipped(images: Tensor, random: torch.Generator) -> Tensor:
    """The images mirrored along one random axis."""
    return images.flip(_whole(2, images.dim(), random))


def deformed(
    images: Tensor,
    random: torch.Generator,
    shift: float = 0.25,
    turn: float = 0.35,
    zoom: float = 0.2,
    bend: float = 0.12,
    mirrored: float = 0.3,
) -> Tensor:
    """The image shifted, turned, scaled, bent and sometimes mirrored, its contrast changed: as if of somebody else.

    Parameters
    ----------
    shift, bend
        Largest, and standard deviation of the largest, movement in half sides of the image.
    turn
        Largest rotation within the first two axes, in radians.
    zoom
        Largest change of scale.
    mirrored
        Probability of a mirror image along the first axis.
    """
    dims = images.dim() - 2
    angle, scale = (
        uniform((-turn, turn), images, random).flatten(),
        1 + uniform((-zoom, zoom), images, random).flatten(),
    )
    sign = torch.where(uniform((0, 1), images, random).flatten() < mirrored, -1.0, 1.0)
    matrix = torch.diag_embed(scale[:, None].expand(-1, dims).clone())
    first, second = dims - 1, dims - 2  # torch's grids name the last axis first
    matrix[:, first, first], matrix[:, first, second] = scale * sign * angle.cos(), -scale * angle.sin()
    matrix[:, second, first], matrix[:, second, second] = scale * sign * angle.sin(), scale * angle.cos()
    moved = torch.stack([uniform((-shift, shift), images, random).flatten() for _ in range(dims)], 1)
    grid = functional.affine_grid(torch.cat([matrix, moved[:, :, None]], 2), list(images.shape), align_corners=False)
    cells = _whole(3, 8, random)
    bends = torch.randn((len(images), dims, *[cells] * dims), generator=random, device="cpu").to(images.device)
    grid = grid + (bend * uniform((0, 1), images, random) * _enlarged(bends, images)).movedim(1, -1)
    made = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return made * uniform((0.85, 1.15), images, random) + uniform((-0.08, 0.08), images, random)


def nudged(images: Tensor, random: torch.Generator) -> Tensor:
    """As `deformed`, but a little and never mirrored: as if of somebody whose organs lie almost where these do."""
    return deformed(images, random, shift=0.1, turn=0.2, zoom=0.15, bend=0.1, mirrored=0.0)


# Contents that show nothing of this image's organ where it lies.
CONTENTS: dict[str, Filling] = {one.__name__: one for one in (constant, texture, shuffled, rolled, flipped, deformed)}
FILLINGS: dict[str, Filling] = {"zero": zero, "noise": noise, "nudged": nudged, **CONTENTS}


def mixed(images: Tensor, shares: Mapping[Filling, float], random: torch.Generator) -> Tensor:
    """Each image filled by one of the fillings, drawn with these shares.

    Parameters
    ----------
    images
        (N, 1, *S) in window units.
    shares
        Need not sum to 1.
    """
    weights = torch.tensor(list(shares.values()), dtype=torch.float32, device="cpu")
    drawn = torch.multinomial(weights, len(images), replacement=True, generator=random).to(images.device)
    filled = torch.empty_like(images)
    for number, filling in enumerate(shares):
        chosen = drawn == number
        if chosen.any():
            filled[chosen] = filling(images[chosen], random)
    return filled


def smooth_field(images: Tensor, random: torch.Generator) -> Tensor:
    """A smooth random field in [0, 1] an image, (N, 1, *S), of 2 to 31 cells along each axis."""
    cells = _whole(*_CELLS, random)
    coarse = torch.rand((len(images), 1, *[cells] * (images.dim() - 2)), generator=random, device="cpu")
    return _enlarged(coarse.to(images.device), images)


def uniform(ends: tuple[float, float], images: Tensor, random: torch.Generator) -> Tensor:
    """Uniform numbers between two ends, one an image, (N, 1, …)."""
    shape = (len(images), *[1] * (images.dim() - 1))
    return torch.empty(shape, device="cpu").uniform_(*ends, generator=random).to(images.device)


def log_uniform(ends: tuple[float, float], images: Tensor, random: torch.Generator) -> Tensor:
    """Numbers between two ends whose logarithm is uniform, one an image, (N, 1, …)."""
    return uniform((math.log(ends[0]), math.log(ends[1])), images, random).exp()


def _whole(low: int, high: int, random: torch.Generator) -> int:
    return int(torch.randint(low, high, (), generator=random, device="cpu"))


def _enlarged(coarse: Tensor, images: Tensor) -> Tensor:
    """Coarse fields (N, C, …) on the grid of the images."""
    mode = _INTERPOLATION[images.dim() - 2]
    return functional.interpolate(coarse, images.shape[2:], mode=mode, align_corners=True)
