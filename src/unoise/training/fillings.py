"""What takes the place of hidden voxels in training: made from the slice itself or from nothing.

None of these is an obscurer or a content of the evaluation that must not be trained on (blur, donor, road, scrambled):
what hides with these only has not met those.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

Filling = Callable[[Tensor, torch.Generator], Tensor]

_NOISE = (0.1, 2.0)  # standard deviation in window units, log-uniform
_CELLS = (2, 24)  # of a smooth texture, along each axis
_TILES = (8, 16, 32)  # voxels
_NEAR = 0.16  # of the side: how far a slice is rolled at most to stand in for another patient's


def mixed(kinds: Sequence[Filling], images: Tensor, random: torch.Generator) -> Tensor:
    """Each slice filled by one of the kinds, all equally likely.

    Parameters
    ----------
    kinds
        Functions of slices (N, 1, X, Y) in window units and of a generator on the CPU; they give as many slices, on the
        device of those given.
    images
        (N, 1, X, Y) in window units.
    random
        A generator on the CPU.
    """
    drawn = torch.randint(len(kinds), (len(images),), generator=random, device="cpu").to(images.device)
    filled = torch.empty_like(images)
    for number, kind in enumerate(kinds):
        chosen = drawn == number
        if chosen.any():
            filled[chosen] = kind(images[chosen], random)
    return filled


def constant(images: Tensor, random: torch.Generator) -> Tensor:
    """One value in [0, 1] a slice."""
    return uniform((0, 1), images, random).expand_as(images)


def noise(images: Tensor, random: torch.Generator) -> Tensor:
    """The slice with added white noise, its standard deviation log-uniform in 0.1 to 2."""
    drawn = torch.randn(images.shape, generator=random, device="cpu").to(images.device)
    return images + log_uniform(_NOISE, images, random) * drawn


def texture(images: Tensor, random: torch.Generator) -> Tensor:
    """A smooth texture of random coarseness and contrast, in [0, 1]."""
    smooth = smooth_field(images, random)
    low, high = smooth.amin((2, 3), keepdim=True), smooth.amax((2, 3), keepdim=True)
    return (smooth - low) / (high - low).clamp_min(1e-6) * uniform((0, 1), images, random)


def shuffled(images: Tensor, random: torch.Generator) -> Tensor:
    """The slice's own square tiles in random order, 8, 16 or 32 voxels wide where they fit."""
    fitting = [side for side in _TILES if all(size % side == 0 and size > side for size in images.shape[2:])] or [1]
    side = fitting[_whole(0, len(fitting), random)]
    rows, columns = (size // side for size in images.shape[2:])
    tiles = images.unflatten(3, (columns, side)).unflatten(2, (rows, side)).transpose(3, 4).flatten(2, 3)
    order = torch.rand(tiles.shape[:3], generator=random, device="cpu").argsort(2).to(images.device)
    tiles = tiles.gather(2, order[..., None, None].expand_as(tiles))
    return tiles.unflatten(2, (rows, columns)).transpose(3, 4).flatten(4, 5).flatten(2, 3)


def rolled(images: Tensor, random: torch.Generator) -> Tensor:
    """The slice rolled by any distance along both axes."""
    return _rolled(images, 0.5, random)


def neighbour(images: Tensor, random: torch.Generator) -> Tensor:
    """The slice rolled by a little, sometimes mirrored, its contrast changed: what another patient might look like."""
    moved = _rolled(images, _NEAR, random)
    moved = torch.where(uniform((0, 1), images, random) < 0.3, moved.flip(2), moved)
    return moved * uniform((0.85, 1.15), images, random) + uniform((-0.1, 0.1), images, random)


def flipped(images: Tensor, random: torch.Generator) -> Tensor:
    """The slice mirrored along a random axis."""
    return images.flip(_whole(2, 4, random))


# What another patient's content could be: it shows nothing of this organ where it lies.
CONTENTS: tuple[Filling, ...] = (constant, texture, shuffled, rolled, neighbour, flipped)


def smooth_field(images: Tensor, random: torch.Generator) -> Tensor:
    """A smooth random field (N, 1, X, Y), of 2 to 23 cells along each axis."""
    cells = _whole(*_CELLS, random)
    coarse = torch.rand((len(images), 1, cells, cells), generator=random, device="cpu").to(images.device)
    return functional.interpolate(coarse, images.shape[2:], mode="bicubic", align_corners=True)


def uniform(ends: tuple[float, float], images: Tensor, random: torch.Generator) -> Tensor:
    """Uniform numbers between two ends, (N, 1, 1, 1), one a slice."""
    return torch.empty(len(images), 1, 1, 1, device="cpu").uniform_(*ends, generator=random).to(images.device)


def log_uniform(ends: tuple[float, float], images: Tensor, random: torch.Generator) -> Tensor:
    """Numbers between two ends whose logarithm is uniform, (N, 1, 1, 1), one a slice."""
    return uniform((math.log(ends[0]), math.log(ends[1])), images, random).exp()


def _rolled(images: Tensor, share: float, random: torch.Generator) -> Tensor:
    farthest = [max(1, round(share * size)) for size in images.shape[2:]]
    steps = [[_whole(-far, far + 1, random) for far in farthest] for _ in images]
    return torch.stack([one.roll(step, (1, 2)) for one, step in zip(images, steps, strict=True)])


def _whole(low: int, high: int, random: torch.Generator) -> int:
    return int(torch.randint(low, high, (), generator=random, device="cpu"))
