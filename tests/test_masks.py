from itertools import pairwise

import pytest
import torch

from unoise.evaluation.masks import ranks, tie_breakers, visible


@pytest.mark.parametrize("visibility", [0.0, 0.01, 0.05, 0.333, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("order", ["kept_first", "removed_first"])
def test_every_unit_shows_exactly_the_wanted_number_of_voxels(units, visibility, order):
    places = ranks(torch.zeros(2, 32, 32), tie_breakers(units, 3))
    assert visible(places, visibility, order).flatten(1).sum(1).tolist() == [round(visibility * 1024)] * 2


def test_most_important_voxels_stay_longest_or_go_first(units):
    importance = torch.arange(1024.0).reshape(1, 32, 32).repeat(2, 1, 1)
    places = ranks(importance, tie_breakers(units, 3))
    kept = visible(places, 0.25, "kept_first")
    assert (importance[kept] >= 768).all()
    removed = visible(places, 0.25, "removed_first")
    assert (importance[removed] < 256).all()


def test_masks_are_nested(units):
    importance = torch.randn(2, 32, 32, generator=torch.Generator().manual_seed(0)).round()
    places = ranks(importance, tie_breakers(units, 3))
    shown = [visible(places, v, "kept_first") for v in (0.01, 0.1, 0.5, 0.9)]
    assert all((small <= large).all() for small, large in pairwise(shown))


def test_ties_are_broken_the_same_for_all_explainers_and_by_a_smooth_field(units):
    field = tie_breakers(units, 3)
    blocks = torch.zeros(2, 32, 32)
    blocks[:, :16] = 1
    scaled = 5 * blocks - 2
    assert torch.equal(ranks(blocks, field), ranks(scaled, field))
    top = visible(ranks(blocks, field), 0.25, "kept_first")
    assert (blocks[top] == 1).all()
    for one, shown in zip(field, top, strict=True):
        assert set(one[shown].tolist()) == set(one[:16].flatten().sort(descending=True).values[:256].tolist())
    steps = field.diff(dim=1).abs().mean() / field.std()
    assert steps < 0.3
    assert not torch.equal(tie_breakers(units, 4), field)
