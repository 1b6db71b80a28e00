"""Kernel SHAP against Captum's, on supervoxels and on labelled structures."""

import numpy as np
import pytest
import torch
from captum.attr import KernelShap, ShapleyValues
from made import CPU, close_to_peer, made_explainer, random_segmenter, random_units
from torch import nn

from unoise.compute import generator
from unoise.data.units import Units, volume
from unoise.data.volumes import write_volume
from unoise.errors import UserError
from unoise.explainers._supervoxels import supervoxels
from unoise.explainers.base import Context
from unoise.explainers.kernel_shap import coalitions, shapley_values
from unoise.explainers.kernel_shap_structures import KernelShapStructures
from unoise.networks.windows import Windows
from unoise.targets.class_target import ClassTarget

TARGET = ClassTarget("organ", 0)


def shap(segmenter, features, samples=40):
    return made_explainer("kernel_shap", segmenter, features=features, compactness=20.0, samples=samples, fill=0.0)


@pytest.fixture(params=[2, 3])
def setting(request):
    """A segmenter, one unit with air at a side, and the agreement as a function of images."""
    model = random_segmenter(request.param)
    images = 20 * random_units(model).images[:1]
    images[:, :, 11:] = 0
    clean = model.probabilities(images)
    units = Units("made", (0,), images, clean, (2.0,) * request.param)
    return (
        model,
        units,
        lambda part: TARGET.agreement(model.probabilities(part), clean.expand(len(part), *clean.shape[1:])),
    )


def test_with_few_features_the_values_are_shapleys(setting):
    model, units, left = setting
    explainer = shap(model, 4)
    explainer.features = lambda units, number: (units.images[number, 0] > 8).long() + 2 * (units.images[number, 0] > 0)
    features = explainer.features(units, 0)
    peer = ShapleyValues(left).attribute(units.images, feature_mask=features[None, None], perturbations_per_eval=4)
    close_to_peer(explainer.explain(units), peer[:, 0])


class LeastSquares:
    """What Captum takes from scikit-learn."""

    def fit(self, data):
        shown, worth, weights = next(iter(data))
        design = torch.cat([shown, torch.ones(len(shown), 1)], 1).double() * weights.double().sqrt()[:, None]
        self.values = torch.linalg.lstsq(design, worth.double()[:, None] * weights.double().sqrt()[:, None]).solution

    def representation(self):
        return self.values[:-1, 0].float()


def test_with_many_features_the_fit_is_captums_on_the_same_coalitions(setting):
    model, units, left = setting
    units.images[:, :, 11:] = 5.0
    units.probabilities[:] = model.probabilities(units.images)
    explainer = shap(model, 20, samples=60)
    features = explainer.features(units, 0)
    players = features.unique()
    assert len(players) > 6
    before = model.forwards
    mine = explainer.explain(units)
    assert model.forwards - before == 61
    shown, _ = coalitions(len(players), 60, generator("kernel_shap", 5, "made", 0))
    rows = torch.cat([torch.ones_like(shown[:1]), torch.zeros_like(shown[:1]), shown]).long()
    peer = KernelShap(left)
    peer.interpretable_model = LeastSquares()

    def those(*_, **__):
        yield from rows[:, None]

    peer.perturb_func = those
    found = peer.attribute(units.images, feature_mask=features[None, None], n_samples=62)
    close_to_peer(mine, found[:, 0])
    gained = left(units.images) - left(0 * units.images)
    first = [int((features == player).flatten().int().argmax()) for player in players]
    assert mine.flatten()[first].sum().item() == pytest.approx(gained.item(), rel=1e-3)


def test_features_of_air_are_worth_nothing(setting):
    model, units, _ = setting
    explainer = shap(model, 20, samples=30)
    explainer.features = lambda units, number: (
        torch.arange(16).reshape(-1, *[1] * (model.dims - 1)).expand_as(units.images[number, 0])
    )
    maps = explainer.explain(units)
    assert maps[0, :11].abs().min() > 0
    assert not maps[0, 11:].any()


def test_coalitions_come_with_their_complements_and_are_seeded():
    shown, weights = coalitions(20, 30, generator("x"))
    assert shown.shape == (30, 20)
    assert torch.equal(shown[::2], ~shown[1::2])
    assert ((shown.sum(1) > 0) & (shown.sum(1) < 20)).all()
    assert weights.unique().tolist() == [1]
    assert torch.equal(shown, coalitions(20, 30, generator("x"))[0])
    every, weights = coalitions(4, 14, generator("x"))
    assert len(every.unique(dim=0)) == 14
    assert weights[every.sum(1) == 1][0] / weights[every.sum(1) == 2][0] == pytest.approx((3 / 12) / (3 / 24))


def test_a_single_player_gets_all():
    shown, weights = coalitions(1, 5, generator("x"))
    one = shapley_values(shown, weights, torch.zeros(0), torch.tensor(0.25), torch.tensor(1.0))
    assert one.tolist() == [0.75]


@pytest.mark.parametrize("shape", [(32, 24), (16, 12, 8)])
def test_supervoxels_are_parts_of_one_value_in_one_place(shape):
    image = torch.zeros(shape, device=CPU.device)
    image[5:12, 4:9] = 1
    found = supervoxels(image, (2.0,) * len(shape), 30, 0.2)
    count = int(found.max()) + 1
    assert 15 <= count <= 60
    assert found.unique().tolist() == list(range(count))
    for one in range(count):
        assert len(image[found == one].unique()) == 1
        places = (found == one).nonzero()
        assert ((places.max(0).values - places.min(0).values) < torch.tensor(shape)).any()


def test_an_image_of_the_filling_alone_has_no_values(segmenter, units):
    units.images[:] = 0
    assert not shap(segmenter, 8).explain(units).any()


# Labelled structures

STRUCTURES = {"rest": 1, "compactness": 20.0, "samples": 1000, "fill": 0.0}


class Shown(nn.Module):
    """Its probability of the organ is the image's value."""

    def forward(self, images):
        return images.clamp(1e-7, 1 - 1e-7).logit()


class Sum(ClassTarget):
    """An additive game: each voxel left adds its own share to the agreement."""

    def agreement(self, probabilities, clean):
        return (probabilities * clean).flatten(1).sum(1) / (clean**2).flatten(1).sum(1)


@pytest.fixture(params=[2, 3])
def labelled(request, tmp_path):
    """Makes an explainer and units, with air below 4 along the first axis and structures 5 and 7 of the label above."""
    dims = request.param
    windows = Windows((16, 16, 8), 0.5) if dims == 3 else None
    model = random_segmenter(dims, Shown(), windows)
    images = 0.1 + 0.8 * random_units(model).images
    images[:, :, :4] = 0
    structures = torch.zeros_like(images[:, 0])
    structures[:, 6:9], structures[:, 9:11, 3:] = 5, 7
    structures[0, :4, :2] = 7  # and some of the air
    units = Units("made", tuple(range(len(images))), images, model.probabilities(images), (2.0,) * dims)

    def make(target=Sum, structures=structures, **settings):
        context = Context(model, target("organ", 0), None, model.compute, 5)
        explainer = KernelShapStructures(context, **STRUCTURES | settings)
        write_volume(tmp_path / "structures.nii.gz", volume(structures), np.diag([2.0, 2, 2, 1]))
        explainer.begin("made", {"structures": tmp_path / "structures.nii.gz"})
        return explainer, units, structures

    return make


@pytest.mark.parametrize(("rest", "samples"), [(1, 1000), (20, 200)])
def test_in_an_additive_game_a_structure_is_worth_what_its_voxels_add(labelled, rest, samples):
    """All coalitions of three features, and a sample of those of many."""
    explainer, units, structures = labelled(rest=rest, samples=samples)
    maps = explainer.explain(units)
    for number, (image, values, here) in enumerate(zip(units.images[:, 0], maps, structures, strict=True)):
        air = (image == 0) & (here == 0)
        rest_features = explainer.features(units, number)[(here == 0) & ~air].unique()
        assert len(rest_features) == 1 if rest == 1 else len(rest_features) > 5
        parts = [here == 5, here == 7, *(explainer.features(units, number) == one for one in rest_features)]
        for part in parts:
            expected = (image[part] ** 2).sum() / (image**2).sum()
            torch.testing.assert_close(values[part], expected.expand(int(part.sum())), rtol=1e-3, atol=1e-6)
        assert not values[air].any()


def test_the_values_of_structures_are_shapleys(labelled):
    explainer, units, structures = labelled(ClassTarget)
    one = units.select(torch.arange(len(units)) == len(units) - 1)
    clean = one.probabilities

    def left(part):
        found = explainer.context.segmenter.probabilities(part)
        return TARGET.agreement(found, clean.expand(len(part), *clean.shape[1:]))

    mask = torch.where(structures[-1:] > 0, structures[-1:], (one.images[:, 0] > 0).float()).unique(
        return_inverse=True
    )[1]
    peer = ShapleyValues(left).attribute(one.images, feature_mask=mask[:, None], perturbations_per_eval=4)
    close_to_peer(explainer.explain(one), peer[:, 0])


def test_the_rest_is_cut_and_structures_are_not(labelled):
    explainer, units, structures = labelled(rest=20)
    for number, here in enumerate(structures):
        found = explainer.features(units, number)
        assert found.unique().tolist() == list(range(int(found.max()) + 1))
        for structure in (5, 7):
            (feature,) = found[here == structure].unique().tolist()
            assert (here[found == feature] == structure).all()
        assert len(found[here == 0].unique()) > 5


def test_a_case_whose_label_is_empty_is_refused(labelled):
    with pytest.raises(UserError, match=r"^case made: .*structures\.nii\.gz: its label volume marks no structure"):
        labelled(structures=0 * labelled()[2])
    _, units, structures = labelled()
    if len(units) > 1:
        structures[0] = 0
        explainer, *_ = labelled(structures=structures)
        assert explainer.explain(units)[0].unique().numel() == 2, "a slice without any has its rest, and air"
