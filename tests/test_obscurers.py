import pytest
import torch

from unoise.obscurers.base import Surroundings, make_obscurer

SETTINGS = {"zero": {}, "mean": {}, "noise": {"sigma_hu": 200}, "blur": {"sigma_mm": 9}, "donor": {}}


@pytest.fixture
def around():
    donor = torch.rand(5, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    return Surroundings((-160, 240), 0.3, donor, seed=7)


@pytest.mark.parametrize("name", SETTINGS)
def test_visible_voxels_stay_and_hidden_ones_get_the_filling(name, units, around):
    obscurer = make_obscurer(name, SETTINGS[name])
    filling = obscurer.fill(units, around)
    visible = torch.rand(units.images.shape, generator=torch.Generator().manual_seed(0)) < 0.3
    obscured = obscurer.obscure(units.images, visible, filling)
    assert torch.equal(obscured[visible], units.images[visible])
    assert torch.equal(obscured[~visible], filling[~visible])
    assert torch.equal(filling, make_obscurer(name, SETTINGS[name]).fill(units, around))


def test_zero_is_the_windows_floor_and_mean_that_of_the_training_bodies(units, around):
    assert make_obscurer("zero", {}).fill(units, around).unique().tolist() == [0]
    assert make_obscurer("mean", {}).fill(units, around).unique().tolist() == pytest.approx([0.3])


def test_noise_has_the_sigma_in_hu_and_is_added_to_the_voxel(units, around):
    added = make_obscurer("noise", {"sigma_hu": 200}).fill(units, around) - units.images
    assert added.std().item() == pytest.approx(200 / 400, rel=0.05)
    assert abs(added.mean().item()) < 0.05
    other = make_obscurer("noise", {"sigma_hu": 200}).fill(units.select(torch.tensor([False, True])), around)
    assert torch.allclose(other - units.images[1:], added[1:], atol=1e-6), "noise must follow the slice, not the batch"


def test_blur_has_a_width_in_mm_along_each_axis(units, around):
    point = torch.zeros_like(units.images)
    point[:, :, 16, 16] = 1
    units = type(units)(units.case, units.index, point, units.probabilities, units.spacing)
    blurred = make_obscurer("blur", {"sigma_mm": 6}).fill(units, around)[0, 0]
    place = torch.arange(32.0) - 16
    for axis, size in enumerate(units.spacing):
        profile = blurred.sum(1 - axis)
        assert ((profile * place**2).sum() / profile.sum()).sqrt() * size == pytest.approx(6, rel=0.1)


def test_donor_is_the_slice_that_looks_most_alike(units, around):
    donor = around.donor.clone()
    donor[3] = 0.5 * units.images[1] + 0.1
    around = Surroundings(around.window, around.body_mean, donor, around.seed)
    assert torch.equal(make_obscurer("donor", {}).fill(units, around)[1], donor[3])
