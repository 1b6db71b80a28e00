"""Augmentations of training slices."""

import math

import pytest
import torch
from torch import Tensor

from unoise.compute import generator
from unoise.training.augmentations import obscured, published
from unoise.workflow import methods

NAMES = methods.names("training.augmentations")
INTENSITY = ("random_contrast", "random_gamma", "random_brightness")
DISTORTION = ("elastic_transform", "grid_distortion", "optical_distortion")
EFFECTS = (*INTENSITY, *DISTORTION, "shift_scale_rotate", "horizontal_flip")


def augmented(name: str, images: Tensor, labels: Tensor, seed: int = 1) -> tuple[Tensor, Tensor]:
    return methods.find("training.augmentations", name).load().AUGMENT(images, labels, generator(seed))


def blobs(count: int, side: int = 64) -> Tensor:
    """Smooth images between 0 and 1, each with three bright blobs."""
    middles = torch.empty(count, 3, 2, 1, 1, device="cpu").uniform_(0.2, 0.8, generator=generator("blobs")) * side
    return sum(blob(middles[:, number], side, side / 9) for number in range(3)).clamp(max=1)


def blob(middles: Tensor, side: int, width: float) -> Tensor:
    """Images of one Gaussian each, at middles (N, 2, 1, 1)."""
    away = torch.stack(torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")) - middles
    return (-away.square().sum(1, keepdim=True) / (2 * width**2)).exp()


def centroids(images: Tensor) -> Tensor:
    """Where the brightness of each image lies, (N, 2)."""
    axes = [(images.sum(other) * torch.arange(images.shape[2])).sum((1, 2)) for other in (3, 2)]
    return torch.stack(axes, dim=1) / images.sum((1, 2, 3)).unsqueeze(1)


def geometric(name: str, count: int, side: int = 64, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Places before and after one effect."""
    places = published.own_places(torch.zeros(count, 1, side, side))
    return places, getattr(published, name)(places, generator(seed))


@pytest.fixture
def only(monkeypatch):
    """Switches all effects but some off."""

    def switch(*names: str) -> None:
        for other in set(EFFECTS) - set(names):
            monkeypatch.setattr(published, other, lambda values, random: values)

    return switch


@pytest.fixture
def meta_default():
    torch.set_default_device("meta")
    yield
    torch.set_default_device(None)


@pytest.mark.parametrize("name", NAMES)
def test_seed_decides(name):
    images = blobs(16, 32)
    labels = (images > 0.5).float()
    before = images.clone(), labels.clone()
    first, again, other = (augmented(name, images, labels, seed) for seed in (1, 1, 2))
    assert all(map(torch.equal, first, again))
    assert torch.equal(first[0], other[0]) == (name == "none")
    assert all(map(torch.equal, before, (images, labels)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(32, 48), (31, 20)])
def test_labels_stay_classes_and_images_stay_images(name, shape):
    labels = torch.randint(3, (64, 1, *shape), generator=generator("labels")).float()
    images, classes = augmented(name, labels / 2, labels)
    assert images.shape == classes.shape == labels.shape
    assert images.dtype == classes.dtype == torch.float32
    assert set(classes.unique().tolist()) == {0, 1, 2}
    assert images.isfinite().all()
    if name in ("none", "published"):
        assert 0 <= images.min() <= images.max() <= 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("meta_default")
def test_every_tensor_is_made_on_the_device_of_the_images(name):
    images = torch.full((40, 1, 16, 16), 0.5, device="cpu")
    assert {one.device.type for one in augmented(name, images, images)} == {"cpu"}


def test_none_changes_nothing():
    images = blobs(2)
    labels = (images > 0.5).float()
    assert all(map(torch.equal, augmented("none", images, labels), (images, labels)))


@pytest.mark.parametrize("name", EFFECTS)
def test_share_of_slices_that_an_effect_reaches(only, name):
    only(name)
    images = torch.rand(2000, 1, 16, 16, generator=generator("images"))
    result, _ = published.augment(images, images, generator(1))
    share = ((result - images).abs() > 1e-3).flatten(1).any(1).float().mean()
    expected = 0.5 if name in ("shift_scale_rotate", "horizontal_flip") else 0.1
    assert share == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / 2000))


@pytest.mark.parametrize("names", [INTENSITY, DISTORTION])
def test_at_most_one_effect_of_a_kind(only, names):
    only(*names)
    images = torch.rand(2000, 1, 16, 16, generator=generator("images"))
    result, _ = published.augment(images, images, generator(1))
    share = ((result - images).abs() > 1e-3).flatten(1).any(1).float().mean()
    assert share == pytest.approx(0.3, abs=0.04)


def test_contrast_multiplies():
    images = torch.linspace(0, 1, 64).reshape(1, 1, 8, 8).repeat(500, 1, 1, 1)
    result = published.random_contrast(images, generator(1))
    factor = result[:, :, 4:5, :1] / images[:, :, 4:5, :1]
    torch.testing.assert_close(result, (images * factor).clamp(max=1))
    assert (factor.min().item(), factor.max().item()) == pytest.approx((0.8, 1.2), abs=0.01)


def test_brightness_adds():
    images = torch.linspace(0, 1, 64).reshape(1, 1, 8, 8).repeat(500, 1, 1, 1)
    result = published.random_brightness(images, generator(1))
    step = (result - images)[:, :, 4:5, :1]
    torch.testing.assert_close(result, (images + step).clamp(0, 1))
    assert (step.min().item(), step.max().item()) == pytest.approx((-0.2, 0.2), abs=0.01)


def test_gamma_bends():
    images = torch.linspace(0, 1, 64).reshape(1, 1, 8, 8).repeat(500, 1, 1, 1)
    result = published.random_gamma(images, generator(1))
    power = result[:, :, 4:5, :1].log() / images[:, :, 4:5, :1].log()
    torch.testing.assert_close(result, images**power)
    assert (power.min().item(), power.max().item()) == pytest.approx((0.8, 1.2), abs=0.01)


def test_flip_mirrors_the_second_axis():
    images = torch.rand(3, 1, 8, 10, generator=generator("images"))
    places = published.horizontal_flip(published.own_places(images), generator(1))
    torch.testing.assert_close(published.read(images, places, "bilinear"), images.flip(3))


def test_rotation_scale_and_shift_are_bounded():
    _, places = geometric("shift_scale_rotate", 200, 128)
    middle, beside = (torch.tensor(point).reshape(2, 1, 1).expand(200, 2, 1, 1) for point in ((64, 64), (64, 74)))
    start, end = (centroids(published.read(blob(point, 128, 2), places, "bilinear")) for point in (middle, beside))
    shift, arm = start - 64, end - start
    angle = torch.atan2(arm[:, 0], arm[:, 1]).rad2deg()
    length = arm.norm(dim=1) / 10
    assert shift.abs().max().item() == pytest.approx(0.0625 * 128, abs=0.2)
    assert (length.min().item(), length.max().item()) == pytest.approx((0.9, 1.1), abs=0.01)
    assert (angle.min().item(), angle.max().item()) == pytest.approx((-45, 45), abs=1.5)


def test_elastic_displacement_is_smooth_and_of_the_published_strength():
    before, after = geometric("elastic_transform", 30, 128)
    moved = after - before
    noise = 120 / math.sqrt(3) / (2 * math.sqrt(math.pi) * 6)
    inner = moved[..., 24:-24, 24:-24]
    assert noise < inner.std() < 1.3 * noise
    neighbours = inner.diff(dim=2)
    assert neighbours.std() == pytest.approx(noise / (math.sqrt(2) * 6), rel=0.2)


def test_affine_of_the_elastic_effect_moves_three_points():
    before = published.own_places(torch.zeros(300, 1, 66, 66))
    moved = published._three_points_moved(before, 3.6, generator(1)) - before
    corners = torch.stack([moved[..., 55, 55], moved[..., 55, 11], moved[..., 11, 11]])
    assert corners.abs().max().item() == pytest.approx(3.6, abs=0.02)
    assert corners.mean().abs() < 0.3
    for axis in (2, 3):
        assert moved.diff(n=2, dim=axis).abs().max() < 1e-4


def test_grid_distortion_stretches_five_cells_an_axis():
    _, places = geometric("grid_distortion", 200, 51)
    first, second = places[:, 0], places[:, 1]
    assert torch.equal(first[..., :1].expand_as(first), first)
    assert torch.equal(second[:, :1].expand_as(second), second)
    assert first[:, 0].abs().max() < 1e-5
    steps = first[..., 0].diff(dim=1).reshape(200, 5, 10)
    torch.testing.assert_close(steps, steps[..., :1].expand_as(steps), atol=1e-4, rtol=0)
    assert (steps.min().item(), steps.max().item()) == pytest.approx((0.7, 1.3), abs=0.01)


def test_optical_distortion_is_radial_and_weak_in_the_middle():
    before, after = geometric("optical_distortion", 300)
    away, now = before - 32, after - 32
    turned = away[:, 0] * now[:, 1] - away[:, 1] * now[:, 0]
    radius = (away / 64).square().sum(1)
    factor = (away * now).sum(1) / away.square().sum(1)
    ring = (radius > 0.2) & (radius < 0.21)
    assert (turned.abs() / away.square().sum(1).clamp(min=1)).max() < 1
    assert (now - away).abs()[..., 30:35, 30:35].max() < 0.2
    assert factor[ring].min() == pytest.approx(1 - 2 * (0.2 + 0.2**2), abs=0.1)
    assert factor[ring].max() == pytest.approx(1 + 2 * (0.2 + 0.2**2), abs=0.1)


@pytest.mark.parametrize("name", [*DISTORTION, "shift_scale_rotate", "horizontal_flip"])
def test_label_moves_with_its_image(only, name):
    only(name)
    images = blobs(64)
    result, labels = published.augment(images, (images > 0.5).float(), generator(1))
    assert ((result > 0.5) != (labels > 0.5)).float().mean() < 0.01


def test_label_moves_with_its_image_through_all_movements(only):
    only(*DISTORTION, "shift_scale_rotate", "horizontal_flip")
    images = blobs(64)
    labels = (images > 0.5).float()
    result, moved = published.augment(images, labels, generator(1))
    assert ((result > 0.5) != (moved > 0.5)).float().mean() < 0.01
    assert (labels != moved).float().mean() > 0.05


def test_nothing_comes_in_from_outside(only):
    only(*DISTORTION, "shift_scale_rotate", "horizontal_flip")
    images = torch.full((64, 1, 32, 32), 0.75)
    result, labels = published.augment(images, torch.full_like(images, 2), generator(1))
    torch.testing.assert_close(result, images)
    assert (labels == 2).all()


def hidden_shares(images: Tensor) -> tuple[Tensor, Tensor]:
    """Of each slice, the share of voxels that differ from those that `affine` alone gives; and the labels."""
    moved, _ = augmented("affine", images, images)
    made, labels = augmented("obscured", images, images)
    return (made != moved).flatten(1).float().mean(1), labels


def test_most_slices_are_partly_hidden_and_labels_keep_all_of_the_organ():
    images = torch.rand(1000, 1, 32, 32, generator=generator("images"))
    hidden, labels = hidden_shares(images)
    assert torch.equal(labels, augmented("affine", images, images)[1])
    assert (hidden > 0).float().mean().item() == pytest.approx(obscured.SHARE, abs=0.05)
    visible = 1 - hidden[hidden > 0]
    assert visible.min() < 0.02
    assert (visible < 0.1).float().mean().item() == pytest.approx(0.5, abs=0.06), "visibility is log-uniform"


def test_what_robust_cuts_away_is_no_organ_and_many_images_stay_whole():
    images = torch.rand(400, 1, 32, 32, generator=generator("images")) + 2
    made, labels = augmented("robust", images, torch.ones_like(images))
    _, moved = augmented("affine", images, torch.ones_like(images))
    lost = ((moved > 0) & (labels == 0)).flatten(1).float().mean(1)
    assert (lost == 0).float().mean().item() == pytest.approx(0.75 * 0.7, abs=0.08), "neither holes nor crop"
    cut = (moved > 0) & (labels == 0)
    values = [one[gone].unique() for one, gone in zip(made, cut, strict=True) if gone.any()]
    assert all(len(one) == 1 and 0 <= one.item() <= 1 for one in values), "one value an image"


def test_what_stays_visible_lies_together():
    images = blobs(200)
    visible = obscured.visible_part(images, generator(1)).float()
    assert visible.flatten(1).any(1).all()
    changes = visible.diff(dim=2).abs().mean()
    scattered = 2 * visible.mean((2, 3)) * (1 - visible.mean((2, 3)))
    assert changes < 0.5 * scattered.mean()


def test_blurring_keeps_what_is_even():
    images = torch.full((3, 1, 96, 96), 0.5)
    images[:, :, 48, 48] = 1.0
    made = obscured.blurred(images, generator(1))
    assert made[:, :, 46:51, 46:51].max() < 0.6
    torch.testing.assert_close(made[:, :, 48, 48], made[:, :, 48, 48].clamp(min=0.5))
