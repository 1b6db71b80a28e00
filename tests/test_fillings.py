"""Fillings: what takes the place of hidden voxels in training."""

import pytest
import torch

from unoise.compute import generator
from unoise.training import fillings
from unoise.workflow import methods

KINDS = tuple(fillings.FILLINGS.values())
SHAPES = [(32, 48), (31, 20), (16, 32, 8)]


def slices(shape=(32, 48), count=6) -> torch.Tensor:
    return torch.rand(count, 1, *shape, generator=generator("slices"), device="cpu")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_filling_has_the_shape_of_the_slices_and_hides_them(kind, shape):
    images = slices(shape)
    made = kind(images, generator(1))
    assert made.shape == images.shape
    assert made.isfinite().all()
    for one, filling in zip(images, made, strict=True):
        assert (one != filling).float().mean() > 0.5
    assert torch.equal(images, slices(shape)), "what is given stays as it was"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_generator_alone_decides(kind):
    before = torch.get_rng_state()
    first, again, *others = (kind(slices(), generator(seed)) for seed in (1, 1, 2, 3, 4, 5))
    assert torch.equal(first, again)
    assert kind is fillings.zero or not all(torch.equal(first, other) for other in others)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_tensor_is_made_on_the_device_of_the_slices(kind):
    images = slices()
    torch.set_default_device("meta")
    try:
        assert kind(images, generator(1)).device.type == "cpu"
    finally:
        torch.set_default_device(None)


@pytest.mark.parametrize("kind", [fillings.shuffled, fillings.rolled, fillings.flipped])
@pytest.mark.parametrize("shape", SHAPES)
def test_moved_voxels_are_the_slices_own(kind, shape):
    images = slices(shape)
    moved = kind(images, generator(2))
    assert torch.equal(moved.flatten(1).sort(1).values, images.flatten(1).sort(1).values)


def test_tiles_stay_whole():
    places = torch.arange(64.0 * 64).reshape(1, 1, 64, 64)
    for seed in range(5):
        moved = fillings.shuffled(places, generator(seed))[0, 0]
        tiles = moved.unfold(0, 4, 4).unfold(1, 4, 4)
        assert torch.equal(tiles - tiles[..., :1, :1], (places[0, 0, :4, :4]).expand_as(tiles))


def test_a_constant_is_one_value_a_slice_and_a_texture_stays_in_the_window():
    constant = fillings.constant(slices(count=400), generator(1)).flatten(1)
    assert torch.equal(constant.amin(1), constant.amax(1))
    assert (constant.amin().item(), constant.amax().item()) == pytest.approx((0, 1), abs=0.02)
    texture = fillings.texture(slices(), generator(1))
    assert 0 <= texture.min() <= texture.max() <= 1


def test_noise_is_log_uniform_in_its_strength():
    images = slices(count=4000)
    spread = (fillings.noise(images, generator(1)) - images).flatten(1).std(1)
    assert (spread.min().item(), spread.max().item()) == pytest.approx((0.15, 1.5), rel=0.1)
    assert spread.log().mean().exp().item() == pytest.approx((0.15 * 1.5) ** 0.5, rel=0.1)


def test_images_are_filled_by_the_shares():
    made = fillings.mixed(slices(count=400), {fillings.zero: 3, fillings.noise: 1}, generator(1)).flatten(1)
    zeros = (made == 0).all(1)
    assert 0.68 < zeros.float().mean() < 0.82
    assert (made[~zeros] != 0).all()


def test_no_filling_is_an_obscurer_that_must_be_new_to_what_is_trained():
    exam = set(methods.names("obscurers")) | set(methods.names("evaluation.contents")) | {"road"}
    assert set(fillings.FILLINGS) & exam == {"zero", "noise"}
    offered = methods.find("training.objectives", "visibility").settings["fillings"]["propertyNames"]["enum"]
    assert set(offered) == {*fillings.FILLINGS, "mean"}
