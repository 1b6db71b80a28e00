"""The objective that keeps the prediction at every visibility."""

import pytest
import torch
from made import bright_segmenter, square_units
from torch import nn

from unoise.compute import generator
from unoise.data.nearness import nearness
from unoise.errors import UserError
from unoise.targets.class_target import ClassTarget
from unoise.training.loop import Moment
from unoise.training.objectives.base import Batch
from unoise.training.objectives.visibility import VisibilityObjective, importance, soft_mask
from unoise.workflow import methods

TARGET = ClassTarget("organ", 0)
DEFAULTS = {name: one["default"] for name, one in methods.find("training.objectives", "visibility").settings.items()}


def test_the_edge_of_a_soft_mask_is_a_share_of_what_it_shows():
    maps = torch.arange(1600.0).reshape(1, 1, 40, 40)
    for visibility in (0.05, 0.5):
        mask = soft_mask(maps, torch.tensor([visibility]), 0.4)
        edge = ((mask > 0.12) & (mask < 0.88)).sum().item()
        assert edge == pytest.approx(0.8 * visibility * 1600, rel=0.05)


def test_nearness_grows_inwards_and_is_nothing_without_an_organ():
    organ = torch.zeros(2, 9, 9)
    organ[0, 3:6, 3:6] = 1
    maps = nearness(organ)
    distances = torch.tensor([3.0, 2.0, 1.0, 1.0, 2.0])
    torch.testing.assert_close(maps[0, 4, :5], distances.log1p() * torch.tensor([-1, -1, -1, 1, 1]))
    assert not maps[1].any()


def test_what_is_anchored_begins_as_nearness_to_the_organ():
    organ = torch.zeros(1, 8, 8)
    organ[0, 2:4, 2:4] = 1
    output = torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(importance(output, organ, "none"), output)
    torch.testing.assert_close(importance(output, organ, "distance"), output + nearness(organ))


@pytest.mark.parametrize("visibility", [0.02, 0.25])
def test_a_soft_mask_passes_one_half_at_the_quantile_of_its_visibility(visibility):
    maps = torch.randn(3, 1, 40, 40, generator=torch.Generator().manual_seed(2))
    mask = soft_mask(maps, torch.full((3,), visibility), 0.1)
    shares = (mask >= 0.5).float().flatten(1).mean(1)
    torch.testing.assert_close(shares, torch.full((3,), visibility), atol=0.001, rtol=0)


def test_what_the_segmenter_needs_is_kept_first():
    segmenter = bright_segmenter()
    units = square_units(segmenter, side=32, count=4)
    settings = DEFAULTS | {"leak": 0, "visibilities": [0.03, 0.3], "fillings": {"zero": 1}, "anchor": "none"}
    objective = VisibilityObjective(segmenter, **settings)
    batch = Batch(units.images, units.images, segmenter)
    maps = nn.Parameter(torch.zeros(4, 1, 32, 32))
    optimizer, random = torch.optim.Adam([maps], 0.1), generator(6)
    for step in range(60):
        moment = Moment(step / 60, random)
        optimizer.zero_grad()
        objective.loss(maps + 1e-3 * units.images, batch, TARGET, moment).backward()
        optimizer.step()
    organ = TARGET.predicted(units.probabilities)
    count = int(organ[0].sum())
    kept = torch.zeros_like(organ).flatten(1).scatter_(1, maps.detach().flatten(1).topk(2 * count, 1).indices, True)
    assert (kept.reshape(organ.shape) & organ).sum() > 0.8 * organ.sum()


def test_the_segmenter_is_asked_once_for_the_clean_prediction():
    segmenter = bright_segmenter()
    units = square_units(segmenter, side=32, count=4)
    batch, objective = (
        Batch(units.images, units.images, segmenter),
        VisibilityObjective(segmenter, **DEFAULTS | {"leak": 0}),
    )
    before = segmenter.forwards
    assert not batch.probabilities.requires_grad
    objective.loss(units.images, batch, TARGET, Moment(1.0, generator(3)))
    assert segmenter.forwards - before == 2 * 4, "the clean images once, the obscured ones once"


def test_visibilities_in_the_wrong_order_are_refused():
    with pytest.raises(UserError, match=r"0\.2 is above 0\.008"):
        VisibilityObjective(bright_segmenter(), **DEFAULTS | {"visibilities": [0.2, 0.008]})


def test_what_the_shape_of_a_mask_tells_costs():
    """The same mask is dearer, the more the segmenter finds the organ in content that does not show it."""
    segmenter = bright_segmenter()
    units = square_units(segmenter, side=32, count=4)
    batch = Batch(units.images, units.images, segmenter)
    organ = TARGET.predicted(units.probabilities).float()[:, None]

    def loss(maps, weight):
        objective = VisibilityObjective(segmenter, **DEFAULTS | {"leak": weight, "visibilities": [0.08, 0.09]})
        return objective.loss(maps, batch, TARGET, Moment(1.0, generator(2))).item()

    telling, silent = organ.clone(), torch.ones_like(organ).cumsum(3)
    assert loss(telling, 10.0) - loss(telling, 0.0) > loss(silent, 10.0) - loss(silent, 0.0)
    assert loss(silent, 10.0) >= loss(silent, 0.0)
