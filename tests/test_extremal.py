"""Extremal perturbations keep the prediction with little visible, and their masks have the areas they should."""

import pytest
import torch
from made import Bright, made_explainer, made_segmenter, random_segmenter, random_units
from torch import nn

from unoise.data.units import Units
from unoise.explainers.extremal import AREAS, Extremal, in_one_ranking
from unoise.targets.class_target import ClassTarget

TARGET = ClassTarget("organ", 0)


def extremal(segmenter, steps=60, cells=16):
    return made_explainer("extremal", segmenter, steps=steps, cells=cells, fill=0.0)


class Bright3D(nn.Module):
    """Predicts the organ where the image is bright, the surer the brighter."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv3d(1, 1, 1)
        nn.init.constant_(self.layer.weight, 10)
        nn.init.constant_(self.layer.bias, -5)

    def forward(self, images):
        return self.layer(images)


@pytest.mark.parametrize("dims", [2, 3])
def test_the_most_important_voxels_are_those_that_the_segmenter_needs(dims):
    segmenter = made_segmenter(Bright().requires_grad_(False)) if dims == 2 else random_segmenter(3, Bright3D())
    images = torch.full((1, 1, *{2: (32, 32), 3: (16, 16, 8)}[dims]), 0.2)
    images[0, 0, 4:9, 5:10] = 0.9
    units = Units("made", (0,), images, segmenter.probabilities(images), (2.0,) * dims)
    organ = units.probabilities[0, 0] > 0.5
    one = extremal(segmenter).explain(units)[0]
    top = torch.zeros(one.numel()).bool()
    top[one.flatten().topk(round(AREAS[3] * one.numel())).indices] = True
    visible = images * top.reshape(one.shape)
    assert TARGET.agreement(segmenter.probabilities(visible), units.probabilities) > 0.9
    assert top.reshape(one.shape)[organ].float().mean() > 0.9


def test_masks_have_their_areas_are_seeded_and_spend_what_they_declare(segmenter, units):
    before = segmenter.forwards, segmenter.backwards
    masks = extremal(segmenter).masks(units, 0)
    spent = segmenter.forwards - before[0] + segmenter.backwards - before[1]
    assert spent == Extremal.passes({"steps": 60}, (32, 32))
    assert masks.shape == (len(AREAS), 32, 32)
    for mask, area in zip(masks, AREAS, strict=True):
        assert mask.mean() == pytest.approx(area, abs=0.03)
    assert torch.equal(masks, extremal(segmenter).masks(units, 0))
    assert not torch.equal(masks, extremal(segmenter).masks(units, 1))


def test_the_ranking_gives_the_smaller_mask_before_the_larger():
    masks = torch.rand(len(AREAS), 20, 10)
    ranking = in_one_ranking(masks).flatten()
    first = set(masks[0].flatten().topk(2).indices.tolist())
    assert set(ranking.topk(2).indices.tolist()) == first
    second = set(masks[1].flatten().topk(4).indices.tolist())
    assert set(ranking.topk(len(first | second)).indices.tolist()) == first | second
    outside = ranking < 1
    assert torch.equal(ranking[outside], masks[-1].flatten()[outside])


def test_volumes_are_gone_over_in_windows():
    segmenter = random_segmenter(3)
    units = random_units(segmenter)
    assert extremal(segmenter, steps=2, cells=8).explain(units).shape == units.images[:, 0].shape
