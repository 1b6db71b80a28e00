"""The augmentation of the U-Noise paper (Koker et al. 2021, arXiv 2101.05791).

Its authors used the library albumentations (0.5.2; Buslaev et al. 2020, doi 10.3390/info11020125); an effect has
the name of its transform there. The pixels of `elastic_transform` are theirs for slices of 256 × 256 and stay the same
at every size, so that it is stronger on smaller slices.

Effects on intensities take slices (N, 1, X, Y) in [0, 1]. Geometric effects take and give places (N, 2, X, Y): where
each voxel of the result is read, in pixels. Beyond the border lies the mirrored slice.
"""

import math
from collections.abc import Callable, Sequence

import torch
from monai.networks.layers import GaussianFilter
from torch import Tensor
from torch.nn import functional

DIMS = (2,)
Effect = Callable[[Tensor, torch.Generator], Tensor]


def augment(images: Tensor, labels: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Change intensities, distort, shift, scale, rotate and flip slices; labels go the same way.

    Parameters
    ----------
    images, labels
        (N, 1, X, Y) on any device, images in [0, 1]; labels are read at the nearest voxel.
    random
        A generator on the CPU.
    """
    images = sometimes(0.3, (random_contrast, random_gamma, random_brightness), images, random)
    places = own_places(images)
    # The places of the last effect on the slice are looked up first.
    for share, effects in (
        (0.5, (shift_scale_rotate,)),
        (0.3, (elastic_transform, grid_distortion, optical_distortion)),
        (0.5, (horizontal_flip,)),
    ):
        places = _mirrored(sometimes(share, effects, places, random))
    return read(images, places, "bilinear"), read(labels, places, "nearest")


AUGMENT = augment


def sometimes(share: float, effects: Sequence[Effect], values: Tensor, random: torch.Generator) -> Tensor:
    """Put a share of the samples through one of the effects each, all equally likely."""
    drawn = torch.rand(len(values), generator=random, device="cpu") / share * len(effects)
    values = values.clone()
    for number, effect in enumerate(effects):
        chosen = (drawn.floor() == number).to(values.device)
        values[chosen] = effect(values[chosen], random)
    return values


def random_contrast(images: Tensor, random: torch.Generator) -> Tensor:
    """Multiply by 0.8 to 1.2."""
    return (images * (1 + _uniform(0.2, images, random))).clamp(0, 1)


def random_gamma(images: Tensor, random: torch.Generator) -> Tensor:
    """Raise to a power of 0.8 to 1.2."""
    return images.clamp(0, 1) ** (1 + _uniform(0.2, images, random))


def random_brightness(images: Tensor, random: torch.Generator) -> Tensor:
    """Add −0.2 to 0.2."""
    return (images + _uniform(0.2, images, random)).clamp(0, 1)


def horizontal_flip(places: Tensor, random: torch.Generator) -> Tensor:
    """Flip the second axis."""
    first, second = places.split(1, dim=1)
    return torch.cat([first, places.shape[3] - 1 - second], dim=1)


def shift_scale_rotate(places: Tensor, random: torch.Generator) -> Tensor:
    """Rotate to 45 degrees and scale to 10 % about the middle, then shift each axis to 6.25 % of its length."""
    angle = _uniform(math.radians(45), places, random)
    zoom = 1 + _uniform(0.1, places, random)
    shift = _uniform(0.0625, places, random, 2) * _size(places)
    middle = _size(places) / 2
    first, second = ((places - shift - middle) / zoom).split(1, dim=1)
    turned = [angle.cos() * first - angle.sin() * second, angle.sin() * first + angle.cos() * second]
    return middle + torch.cat(turned, dim=1)


def elastic_transform(places: Tensor, random: torch.Generator) -> Tensor:
    """Displace by smooth noise, after an affine that moves three points to 3.6 pixels along each axis.

    The noise (Simard et al. 2003, doi 10.1109/ICDAR.2003.1227801) is uniform in [−1, 1] before a Gaussian of 6 pixels
    and a multiplication by 120.
    """
    sigma = torch.tensor(6.0, device=places.device)
    margin = 24  # 4 sigma, where the Gaussian ends; without it the noise would fade at the border
    shape = [length + 2 * margin for length in places.shape[2:]]
    noise = GaussianFilter(2, [sigma, sigma]).to(places.device)(_uniform(1, places, random, 2, *shape))
    displacement = 120 * noise[..., margin:-margin, margin:-margin]
    return _three_points_moved(_mirrored(places + read(displacement, places, "bilinear")), 3.6, random)


def _three_points_moved(places: Tensor, limit: float, random: torch.Generator) -> Tensor:
    """The affine that moves three corners of a square about the middle, two thirds of the slice wide."""
    size = _size(places)
    first, second = ((places - size / 2) / (size.min() / 3)).unbind(1)
    # Barycentric coordinates for the corners (1, 1), (1, −1) and (−1, −1).
    weights = torch.stack([1 + second, first - second, 1 - first], dim=1) / 2
    moves = torch.stack([_uniform(limit, places, random, 2) for _ in range(3)], dim=1)
    return places + (weights.unsqueeze(2) * moves).sum(1)


def grid_distortion(places: Tensor, random: torch.Generator) -> Tensor:
    """Cut each axis into 5 cells and stretch each by 0.7 to 1.3; cells stay joined, the first edge fixed."""
    steps = 5
    cell = (_size(places) - 1) / steps
    passed = ((places / cell - number).clamp(0, 1) for number in range(steps))
    return cell * sum(part * (1 + _uniform(0.3, places, random, 2)) for part in passed)


def optical_distortion(places: Tensor, random: torch.Generator) -> Tensor:
    """Distort as OpenCV's lens: k1 = k2 in [−2, 2], focal length the width; their shift of 0.5 is rounded to none."""
    strength = _uniform(2, places, random)
    middle = _size(places) / 2
    away = places - middle
    radius = (away / places.shape[3]).square().sum(1, keepdim=True)  # squared
    return middle + away * (1 + strength * radius + strength * radius**2)


def own_places(images: Tensor) -> Tensor:
    """Where each voxel lies: the places that change nothing."""
    axes = [torch.arange(length, dtype=torch.float32, device=images.device) for length in images.shape[2:]]
    return torch.stack(torch.meshgrid(*axes, indexing="ij")).repeat(len(images), 1, 1, 1)


def read(images: Tensor, places: Tensor, mode: str) -> Tensor:
    """Resample (N, C, X, Y) at places, by a mode of `grid_sample`."""
    scaled = 2 * places / (_size(places) - 1) - 1
    grid = scaled.flip(1).movedim(1, -1)
    return functional.grid_sample(images, grid, mode=mode, padding_mode="reflection", align_corners=True)


def _mirrored(places: Tensor) -> Tensor:
    """The same places inside the slice, mirrored at the middles of its outermost voxels (OpenCV's reflect 101)."""
    last = _size(places) - 1
    return last - (places.remainder(2 * last) - last).abs()


def _size(places: Tensor) -> Tensor:
    return torch.tensor(places.shape[2:], dtype=torch.float32, device=places.device).reshape(2, 1, 1)


def _uniform(limit: float, values: Tensor, random: torch.Generator, *shape: int) -> Tensor:
    """Numbers in [−limit, limit], (N, *shape), by default one a sample; missing axes have length 1."""
    shape = (len(values), *shape, *(1,) * (3 - len(shape)))
    return torch.empty(shape, device="cpu").uniform_(-limit, limit, generator=random).to(values.device)
