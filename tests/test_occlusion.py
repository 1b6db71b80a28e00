"""Occlusion against its definition, and against Captum's and MONAI's at equal settings."""

import numpy as np
import pytest
import torch
from captum.attr import Occlusion
from made import close_to_peer, made_explainer, random_segmenter, random_units, square_units
from monai.visualize import OcclusionSensitivity
from torch import Tensor, nn

from unoise.data.units import Units
from unoise.errors import UserError
from unoise.explainers.occlusion import Occlusion as Explainer
from unoise.targets.class_target import ClassTarget

TARGET = ClassTarget("organ", 0)


def occlusion(segmenter, patch, stride, fill, edge="hard", border="inside"):
    return made_explainer("occlusion", segmenter, patch=patch, stride=stride, fill=fill, edge=edge, border=border)


def test_occlusion_marks_the_square_and_nothing_else(segmenter, units):
    maps = occlusion(segmenter, patch=4, stride=2, fill=0.0).explain(units)
    assert (maps[0, 9:15, 5:13] > 0.01).all()
    assert maps[0, 22:].abs().max() < 1e-3
    assert maps[0, :, 22:].abs().max() < 1e-3


def test_occlusion_is_the_mean_drop_of_the_windows_that_cover_a_voxel(segmenter, units):
    """Against the definition, window by window."""
    patch, stride, side = 7, 5, 32
    maps = occlusion(segmenter, patch=patch, stride=stride, fill=0.1).explain(units)
    starts = [*range(0, side - patch + 1, stride)]
    starts += [side - patch] if starts[-1] != side - patch else []
    total, cover = np.zeros((side, side)), np.zeros((side, side))
    whole = TARGET.agreement(units.probabilities[:1], units.probabilities[:1]).item()
    for i in starts:
        for j in starts:
            image = units.images[:1].clone()
            image[..., i : i + patch, j : j + patch] = 0.1
            drop = whole - TARGET.agreement(segmenter.probabilities(image), units.probabilities[:1]).item()
            total[i : i + patch, j : j + patch] += drop
            cover[i : i + patch, j : j + patch] += 1
    np.testing.assert_allclose(maps[0].numpy(), total / cover, atol=1e-5)


def test_occlusion_spends_no_forward_pass_on_windows_that_change_nothing(segmenter, units):
    units.images[:, :, 20:] = 0.0
    full = occlusion(segmenter, patch=4, stride=4, fill=0.0).explain(units)
    spent = segmenter.forwards
    assert spent < 2 * 64 + 16
    empty = square_units(segmenter)
    empty.images[:] = 0.2
    empty.probabilities[:] = segmenter.probabilities(empty.images)
    before = segmenter.forwards
    assert occlusion(segmenter, patch=4, stride=4, fill=0.0).explain(empty).abs().max() == 0
    assert segmenter.forwards == before
    assert full[:, 20:].abs().max() == 0


class Left(nn.Module):
    """The agreement that is left with a unit's clean prediction: what the peers explain, of images (N, 1, *S)."""

    def __init__(self, segmenter, clean: Tensor):
        super().__init__()
        self.segmenter, self.clean = segmenter, clean

    def forward(self, images: Tensor) -> Tensor:
        now = self.segmenter.probabilities(images)
        return TARGET.agreement(now, self.clean.expand(len(images), *self.clean.shape[1:]))


@pytest.fixture(params=[2, 3])
def model(request):
    return random_segmenter(request.param)


def aired(model):
    """One random unit, bright enough for the untrained model to care, with air at a side, and its clean prediction."""
    images = 20 * random_units(model).images[:1]
    images[:, :, 11:] = 0
    clean = model.probabilities(images)
    assert 0 < TARGET.predicted(clean).float().mean() < 1
    return Units("made", (0,), images, clean, (2.0,) * model.dims)


def test_windows_that_leave_voxels_out_are_refused(segmenter):
    with pytest.raises(UserError, match="a stride of 8 is larger than the patch of 3"):
        occlusion(segmenter, patch=3, stride=8, fill=0.0)


@pytest.mark.parametrize(("patch", "stride", "fill"), [(5, 3, 0.0), (4, 4, 0.4), (5, 2, "mean")])
def test_occlusion_equals_that_of_captum(model, patch, stride, fill):
    units = aired(model)
    windows, steps = (1, *[patch] * model.dims), (1, *[stride] * model.dims)
    baseline = units.images.mean().item() if fill == "mean" else fill
    left = Left(model, units.probabilities)
    peer = Occlusion(left).attribute(units.images, windows, steps, baseline, perturbations_per_eval=4)
    close_to_peer(occlusion(model, patch, stride, fill, border="cut").explain(units), peer[:, 0])


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")
@pytest.mark.parametrize(
    ("patch", "overlap", "mode"), [(5, 0.4, 0.0), (4, 0.0, 0.4), (5, 0.6, "mean_img"), (5, 0.4, "gaussian")]
)
def test_occlusion_equals_that_of_monai(model, patch, overlap, mode):
    """MONAI gives the agreement that is left, its mean over windows, ours how far it falls."""
    units = aired(model)
    left = Left(model, units.probabilities)
    scores = nn.Sequential(left, nn.Unflatten(0, (-1, 1)))
    peer, _ = OcclusionSensitivity(scores, patch, 4, False, mode, overlap, activate=False)(units.images)
    fill, edge = {"mean_img": ("mean", "hard"), "gaussian": (0.0, "gaussian")}.get(mode, (mode, "hard"))
    mine = occlusion(model, patch, int(patch * (1 - overlap)), fill, edge).explain(units)
    close_to_peer(mine, left(units.images) - torch.as_tensor(peer)[:, 0])


def test_windows_of_air_need_no_forward_pass_whatever_their_edge(model):
    units = aired(model)
    for edge in ("hard", "gaussian"):
        explainer = occlusion(model, 5, 5, 0.0, edge)
        before = model.forwards
        explainer.explain(units)
        assert model.forwards - before == 3 * np.prod([-(-size // 5) for size in units.images.shape[3:]])


def test_passes_are_all_windows():
    settings = {"patch": 5, "stride": 3}
    assert Explainer.passes(settings | {"border": "inside"}, (16, 9)) == 5 * 3
    assert Explainer.passes(settings | {"border": "cut"}, (16, 8)) == 5 * 2
