import torch
from made import CPU, bright_segmenter, random_segmenter, random_units

from unoise.compute import Compute, generator
from unoise.explainers.base import Context
from unoise.explainers.rise import Rise, _masks
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


def test_the_map_does_not_depend_on_the_batch(units):
    maps = [rise(bright_segmenter(Compute(CPU.device, CPU.dtype, size)), masks=20).explain(units) for size in (3, 8)]
    torch.testing.assert_close(*maps)


def test_a_volume_is_the_mean_of_its_masks_by_the_agreement_they_leave():
    """Equation 6 of the paper, in three dimensions."""
    segmenter = random_segmenter(3)
    units = random_units(segmenter)
    explainer = rise(segmenter, masks=12)
    draw = generator("rise", 5, units.case, 0)
    masks = _masks(*explainer._draw((16, 16, 8), draw), (16, 16, 8), explainer.cells)
    left = torch.cat([TARGET.agreement(segmenter.probabilities(units.images * m), units.probabilities) for m in masks])
    expected = (left.reshape(-1, 1, 1, 1) * masks[:, 0]).sum(0) / (12 * 0.5)
    torch.testing.assert_close(explainer.explain(units)[0], expected)


def test_masks_of_volumes_are_smooth_and_show_the_asked_share(segmenter):
    explainer = rise(segmenter, masks=200)
    masks = _masks(*explainer._draw((20, 18, 10), torch.Generator().manual_seed(1)), (20, 18, 10), explainer.cells)
    assert masks.shape == (200, 1, 20, 18, 10)
    assert ((masks >= 0) & (masks <= 1)).all()
    assert abs(masks.mean() - 0.5) < 0.02
