"""What interpreters are trained with: fillings, soft masks, and the objective that keeps the prediction."""

import pytest
import torch
from made import bright_segmenter, square_units
from torch import nn

from unoise.compute import generator
from unoise.targets.class_target import ClassTarget
from unoise.training import fillings
from unoise.training.loop import Moment
from unoise.training.objectives.visibility import VisibilityObjective, soft_mask
from unoise.workflow import methods

TARGET = ClassTarget("organ", 0)
DEFAULTS = {name: one["default"] for name, one in methods.find("training.objectives", "visibility").settings.items()}


def images(*shape):
    return torch.rand(6, 1, *shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("shape", [(32, 64), (16, 32, 8)], ids=["2d", "3d"])
@pytest.mark.parametrize("name", fillings.FILLINGS)
def test_a_filling_is_of_the_shape_of_the_image_and_repeatable(name, shape):
    filling, given = fillings.FILLINGS[name], images(*shape)
    first, again, other = (filling(given, generator(seed)) for seed in (1, 1, 2))
    assert first.shape == given.shape
    assert first.isfinite().all()
    torch.testing.assert_close(first, again)
    assert name == "zero" or name == "flipped" or not torch.equal(first, other)


@pytest.mark.parametrize("shape", [(32, 64), (16, 32, 8)], ids=["2d", "3d"])
@pytest.mark.parametrize("name", ["shuffled", "rolled", "flipped"])
def test_what_is_moved_within_an_image_stays_the_images_own(name, shape):
    given = images(*shape)
    made = fillings.FILLINGS[name](given, generator(1))
    assert not torch.equal(made, given)
    torch.testing.assert_close(made.flatten(1).sort(1).values, given.flatten(1).sort(1).values)


def test_no_filling_of_the_training_is_an_obscurer_of_the_exam():
    exam = set(methods.names("obscurers")) | {"scrambled", "road"}
    assert set(fillings.FILLINGS) & exam == {"zero", "noise"}
    offered = methods.find("training.objectives", "visibility").settings["fillings"]["propertyNames"]["enum"]
    assert set(offered) == {*fillings.FILLINGS, "mean"}


def test_images_are_filled_by_the_shares():
    given = images(8, 8)[:1].expand(400, -1, -1, -1)
    made = fillings.mixed(given, {fillings.zero: 3, fillings.flipped: 1}, generator(4))
    zeros = (made == 0).flatten(1).all(1)
    assert 0.68 < zeros.float().mean() < 0.82


@pytest.mark.parametrize("visibility", [0.02, 0.25])
def test_a_soft_mask_passes_one_half_at_the_quantile_of_its_visibility(visibility):
    maps = torch.randn(3, 1, 40, 40, generator=torch.Generator().manual_seed(2))
    mask = soft_mask(maps, torch.full((3,), visibility), 0.1)
    shares = (mask >= 0.5).float().flatten(1).mean(1)
    torch.testing.assert_close(shares, torch.full((3,), visibility), atol=0.001, rtol=0)


def trained(leak: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The map of a square that a free map learns, and the square."""
    segmenter = bright_segmenter()
    units = square_units(segmenter, side=32, count=4)
    settings = DEFAULTS | {"leak": leak, "visibilities": [0.03, 0.3], "fillings": {"zero": 1}}
    objective = VisibilityObjective(segmenter, **settings)
    maps = nn.Parameter(torch.zeros(4, 1, 32, 32))
    optimizer, random = torch.optim.Adam([maps], 0.1), generator(6)
    for step in range(60):
        moment = Moment(step / 60, random)
        optimizer.zero_grad()
        objective.loss(maps + 1e-3 * units.images, units.images, units.images, TARGET, moment).backward()
        optimizer.step()
    return maps.detach()[:, 0], TARGET.predicted(units.probabilities)


def test_what_the_segmenter_needs_is_kept_first():
    maps, organ = trained(leak=0)
    count = int(organ[0].sum())
    kept = torch.zeros_like(organ).flatten(1).scatter_(1, maps.flatten(1).topk(2 * count, 1).indices, True)
    assert (kept.reshape(organ.shape) & organ).sum() > 0.8 * organ.sum()


def test_what_the_shape_of_a_mask_tells_costs():
    """The same mask is dearer, the more the segmenter finds the organ in content that does not show it."""
    segmenter = bright_segmenter()
    units = square_units(segmenter, side=32, count=4)
    organ = TARGET.predicted(units.probabilities).float()[:, None]

    def loss(maps, weight):
        objective = VisibilityObjective(segmenter, **DEFAULTS | {"leak": weight, "visibilities": [0.08, 0.09]})
        return objective.loss(maps, units.images, units.images, TARGET, Moment(1.0, generator(2))).item()

    telling, silent = organ.clone(), torch.ones_like(organ).cumsum(3)
    assert loss(telling, 10.0) - loss(telling, 0.0) > loss(silent, 10.0) - loss(silent, 0.0)
    assert loss(silent, 10.0) >= loss(silent, 0.0)
