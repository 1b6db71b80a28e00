import torch
from made import CPU

from unoise.explainers.base import Context
from unoise.explainers.rise import Rise
from unoise.targets.class_target import ClassTarget

TARGET = ClassTarget("organ", 0)


def rise(segmenter, masks=400):
    return Rise(Context(segmenter, TARGET, None, CPU, seed=5), masks=masks, cells=8, visible=0.5, fill=0.0)


def test_rise_finds_the_square_that_the_segmenter_needs(segmenter, units):
    for one, clean in zip(rise(segmenter).explain(units), units.probabilities, strict=True):
        organ = clean[0] > 0.5
        top = torch.zeros(one.numel()).bool()
        top[one.flatten().topk(int(organ.sum())).indices] = True
        assert (top.reshape(one.shape) & organ).sum() > 0.6 * organ.sum()


def test_rise_is_seeded_and_spends_what_it_declares(segmenter, units):
    before = segmenter.forwards
    first = rise(segmenter, masks=20).explain(units)
    assert segmenter.forwards - before == 20 * len(units) == Rise.passes({"masks": 20}, (32, 32)) * len(units)
    assert torch.equal(first, rise(segmenter, masks=20).explain(units))


def test_masks_of_volumes_are_smooth_and_show_the_asked_share(segmenter):
    masks = rise(segmenter)._draw(200, (20, 18, 10), torch.Generator().manual_seed(1))
    assert masks.shape == (200, 1, 20, 18, 10)
    assert ((masks >= 0) & (masks <= 1)).all()
    assert abs(masks.mean() - 0.5) < 0.02
