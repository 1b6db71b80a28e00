"""The obscurer `road`: each hidden voxel is the mean of its neighbours, and nothing more."""

from itertools import product

import numpy as np
import pytest
import torch
from made import CPU

from unoise.compute import generator
from unoise.data.units import Units
from unoise.obscurers.base import Surroundings, make_obscurer
from unoise.obscurers.road import interpolated

AROUND = Surroundings((-160, 240), 0.3, None, seed=7)
SHAPES = [(9, 7), (6, 5, 4)]


def drawn(shape, share=0.3, seed=0):
    draw = np.random.default_rng(seed)
    return draw.random(shape), draw.random(shape) < share


def made_units(shape, count=3):
    images = torch.rand((count, 1, *shape), generator=generator(1))
    return Units("made", tuple(range(count)), images, images, (2.0,) * len(shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_hidden_voxel_is_the_weighted_mean_of_its_neighbours(shape):
    """By the definition, voxel by voxel: face, edge and corner neighbours count 4, 2 and 1 (2D: 2 and 1)."""
    image, visible = drawn(shape)
    filled = interpolated(image, visible, 0.3)
    assert np.array_equal(filled[visible], image[visible])
    for place in np.argwhere(~visible):
        total = weights = 0.0
        for step in product((-1, 0, 1), repeat=len(shape)):
            other = place + step
            if any(step) and (other >= 0).all() and (other < shape).all():
                weight = 2.0 ** -np.abs(step).sum()
                total, weights = total + weight * filled[tuple(other)], weights + weight
        assert filled[tuple(place)] == pytest.approx(total / weights, abs=1e-4)


def test_a_plane_is_continued_exactly():
    ramp = np.add.outer(np.arange(30.0), 0.5 * np.arange(20.0))
    visible = np.ones_like(ramp, bool)
    visible[5:20, 4:16] = False
    np.testing.assert_allclose(interpolated(ramp, visible, 0), ramp, atol=2e-3)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("shown", [0, 1])
def test_where_nothing_is_visible_lies_the_body_mean_where_all_is_the_image(shape, shown):
    units, obscurer = made_units(shape), make_obscurer("road", {"sigma_hu": 0})
    visible = torch.full(units.images.shape, bool(shown))
    obscured = obscurer.obscure(units.images, visible, obscurer.fill(units, AROUND))
    torch.testing.assert_close(obscured, units.images if shown else torch.full_like(units.images, 0.3))
    noisy = make_obscurer("road", {"sigma_hu": 40})
    obscured = noisy.obscure(units.images, visible, noisy.fill(units, AROUND))
    means = (units.images if shown else torch.full_like(units.images, 0.3)).flatten(1).mean(1)
    torch.testing.assert_close(obscured.flatten(1).mean(1), means)


def test_a_single_visible_voxel_fills_the_unit():
    image, visible = drawn((16, 16), share=0)
    visible[3, 4] = True
    np.testing.assert_allclose(interpolated(image, visible, 0.3), image[3, 4], atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_noise_has_the_sigma_and_is_the_same_for_all_masks(shape):
    units = made_units((64, *shape[1:]))
    still, noisy = (make_obscurer("road", {"sigma_hu": sigma}) for sigma in (0, 40))
    added = []
    for seed in (1, 2):
        visible = torch.rand(units.images.shape, generator=generator(seed)) < 0.2
        images = [one.obscure(units.images, visible, one.fill(units, AROUND)) for one in (noisy, still)]
        difference = images[0] - images[1]
        assert difference[visible].abs().max() == 0
        assert difference[~visible].std().item() == pytest.approx(40 / 400, rel=0.1)
        added.append((difference, ~visible))
    both = added[0][1] & added[1][1]
    torch.testing.assert_close(added[0][0][both], added[1][0][both], atol=1e-5, rtol=0)


def test_a_unit_is_obscured_alike_alone_and_in_a_batch():
    units, obscurer = made_units((12, 10)), make_obscurer("road", {"sigma_hu": 4})
    visible = torch.rand(units.images.shape, generator=generator(3)) < 0.2
    whole = obscurer.obscure(units.images, visible, obscurer.fill(units, AROUND))
    alone = units.select(torch.tensor([False, True, False], device=CPU.device))
    part = obscurer.obscure(alone.images, visible[1:2], obscurer.fill(alone, AROUND))
    assert torch.equal(part, whole[1:2])
