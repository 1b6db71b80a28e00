"""Explainers by the gradient of the image, against Captum called directly and against their definitions."""

import numpy as np
import pytest
import torch
from captum.attr import InputXGradient, IntegratedGradients, Saliency
from made import CPU, close_to_peer, made_explainer, random_segmenter, random_units
from monai.data.utils import compute_importance_map, dense_patch_slices
from torch import nn

from unoise.compute import generator, normal
from unoise.data.volumes import write_volume
from unoise.explainers.base import make_explainer
from unoise.networks.windows import Windows
from unoise.workflow.config import complete
from unoise.workflow.manifest import Case, write_manifest
from unoise.workflow.plan import Plan

SETTINGS = {
    "gradient": {},
    "input_x_gradient": {},
    "smooth_grad": {"samples": 3, "sigma": 0.2},
    "integrated_gradients": {"steps": 5, "baseline": 0.1},
    "expected_gradients": {"samples": 3},
}
REFERENCES = [torch.rand(4, 1, 16, 16, generator=generator("slices")), torch.rand(2, 1, 16, 16)]
VOLUMES = [torch.rand(1, 1, 16, 16, depth, generator=generator("volumes")) for depth in (8, 5)]


def direct(segmenter, units):
    """The scalar that the explainers are to differentiate, from the network itself, and a fresh copy of the images."""
    organ = units.probabilities[:, 0] > 0.5
    assert organ.flatten(1).any(1).all()
    assert not organ.all()

    def scalar(images):
        copies = organ.repeat(len(images) // len(organ), *[1] * (organ.dim() - 1))
        return (segmenter.network(images)[:, 0] * copies).flatten(1).sum(1)

    return scalar, units.images.clone().requires_grad_()


def gradient(segmenter, units, images):
    scalar, _ = direct(segmenter, units)
    images = images.detach().requires_grad_()
    return torch.autograd.grad(scalar(images).sum(), images)[0][:, 0]


@pytest.fixture(params=[2, 3])
def model(request):
    return random_segmenter(request.param)


def test_gradients_equal_those_of_captum(model):
    units = random_units(model)
    scalar, images = direct(model, units)
    close_to_peer(made_explainer("gradient", model).explain(units), Saliency(scalar).attribute(images)[:, 0])
    peer = InputXGradient(scalar).attribute(images)[:, 0]
    close_to_peer(made_explainer("input_x_gradient", model).explain(units), peer)
    peer = IntegratedGradients(scalar).attribute(images, baselines=0.2, n_steps=20)[:, 0]
    close_to_peer(made_explainer("integrated_gradients", model, steps=20, baseline=0.2).explain(units), peer)


def test_integrated_gradients_add_up_to_what_the_scalar_gains(model):
    units = random_units(model)
    scalar, images = direct(model, units)
    maps = made_explainer("integrated_gradients", model, steps=64, baseline=0.0).explain(units)
    gained = (scalar(images) - scalar(torch.zeros_like(images))).detach()
    torch.testing.assert_close(maps.flatten(1).sum(1), gained, rtol=0.02, atol=0.02)


def test_smooth_grad_is_the_mean_gradient_of_noisy_copies(model):
    units = random_units(model)
    units.images[0] *= 0.5
    maps = made_explainer("smooth_grad", model, samples=3, sigma=0.2).explain(units)
    width = torch.stack([0.2 * (one.max() - one.min()) for one in units.images])
    expected = torch.zeros_like(maps)
    for sample in range(3):
        keys = [(5, "smooth_grad", units.case, index, sample) for index in units.index]
        noise = normal(keys, units.images.shape[1:], units.images.device)
        noisy = units.images + width.reshape(-1, *[1] * (noise.dim() - 1)) * noise
        expected += gradient(model, units, noisy) / 3
    close_to_peer(maps, expected.abs())


def test_expected_gradients_are_integrated_gradients_from_training_images():
    """Many samples from one training image come near the integral from that image."""
    model = random_segmenter(2)
    units = random_units(model)
    reference = REFERENCES[0][:1]
    maps = made_explainer("expected_gradients", model, [reference], samples=400).explain(units)
    scalar, images = direct(model, units)
    peer = IntegratedGradients(scalar).attribute(images, baselines=reference.expand_as(images), n_steps=64)[:, 0]
    for mine, theirs in zip(maps, peer, strict=True):
        assert np.corrcoef(mine.flatten(), theirs.detach().flatten())[0, 1] > 0.98
        assert (mine - theirs).abs().max() < 0.25 * theirs.abs().max()


def test_expected_gradients_draw_from_all_training_images():
    model = random_segmenter(2)
    units = random_units(model)
    same = [torch.zeros(3, 1, 16, 16), torch.zeros(1, 1, 16, 16)]
    explain = {samples: made_explainer("expected_gradients", model, same, samples=samples) for samples in (1, 20)}
    assert torch.equal(*(explain[20].explain(units) for _ in range(2)))
    other_case, other_slice = ([one.clone() for one in same] for _ in range(2))
    other_case[1][0] = other_slice[0][2] = 1
    for others in (other_case, other_slice):
        changed = made_explainer("expected_gradients", model, others, samples=20).explain(units)
        assert not torch.equal(changed, explain[20].explain(units))
    assert not torch.equal(explain[1].explain(units)[0], explain[1].explain(units)[1])


@pytest.mark.parametrize("name", SETTINGS)
def test_a_voxel_alone_gives_the_same_gradient_in_windows_as_in_the_whole(name):
    """A network that looks at single voxels: whatever the windows, nothing changes."""
    voxelwise = nn.Sequential(nn.Conv3d(1, 4, 1), nn.Tanh(), nn.Conv3d(4, 1, 1))
    whole, in_windows = (
        random_segmenter(3, voxelwise, windows) for windows in (Windows((16, 16, 8), 0.5), Windows((8, 8, 4), 0.5))
    )
    units = random_units(whole)
    maps = [made_explainer(name, one, VOLUMES, **SETTINGS[name]).explain(units) for one in (whole, in_windows)]
    assert maps[0].abs().max() > 0
    close_to_peer(maps[1], maps[0])


def test_the_gradients_of_windows_are_averaged_with_gaussian_weights():
    model = random_segmenter(3, windows=Windows((8, 8, 8), 0.5))
    units = random_units(model)
    weights = compute_importance_map((8, 8, 8), mode="gaussian", sigma_scale=0.125)
    total, weight = torch.zeros(2, *units.images.shape[2:])
    for window in dense_patch_slices(units.images.shape[2:], (8, 8, 8), (4, 4, 4)):
        part = units.images[(..., *window)].clone().requires_grad_()
        organ = units.probabilities[(..., *window)] > 0.5
        total[window] += weights * torch.autograd.grad((model.network(part) * organ).sum(), part)[0][0, 0]
        weight[window] += weights
    close_to_peer(made_explainer("gradient", model).explain(units)[0], (total / weight).abs())


@pytest.mark.parametrize("name", SETTINGS)
def test_passes_are_counted_and_estimated_as_they_are(name, model):
    units = random_units(model)
    references = VOLUMES if model.dims == 3 else REFERENCES
    model.forwards = model.backwards = 0
    explainer = made_explainer(name, model, references, **SETTINGS[name])
    explainer.explain(units)
    shape = units.images.shape[2:]
    passes = type(explainer).passes(SETTINGS[name], shape)
    assert model.forwards + model.backwards == passes * len(units)
    assert model.forwards == model.backwards


def test_gradients_are_where_the_organ_is_decided(segmenter, units):
    """The network averages 3x3 voxels: one that is further from the predicted organ has no gradient."""
    organ = units.probabilities[:, 0] > 0.5
    near = torch.nn.functional.max_pool2d(organ[:, None].float(), 3, 1, 1)[:, 0] > 0
    for name in ("gradient", "smooth_grad", "integrated_gradients"):
        maps = made_explainer(name, segmenter, **SETTINGS[name]).explain(units)
        assert (maps[near] > 0).all()
        assert (maps[~near] == 0).all()


def test_references_are_read_where_an_explainer_needs_them(tmp_path, segmenter):
    path = tmp_path / "a" / "image.nii.gz"
    levels = np.broadcast_to(np.arange(40, dtype=np.float32), (8, 8, 40))
    write_volume(path, levels, np.eye(4))
    for name, count in (("expected_gradients", 1), ("gradient", 0)):
        settings = {"method": name, "seed": 1, **SETTINGS[name]}
        context = make_explainer(settings, segmenter, None, None, CPU, [path]).context
        assert len(context.references) == count
        for one in context.references:
            assert one.shape == (16, 1, 8, 8)
            assert one[0].max() == 0
            assert one[-1].min() == 39


@pytest.fixture
def plan(tmp_path, plain_config):
    """Makes the plan of some cases, given by their split, with expected and other gradients and a control."""

    def make(*splits: str) -> Plan:
        rows = [
            Case(f"c{number}", f"p{number}", split, "image", "label", "liver=1", slices="0:9")
            for number, split in enumerate(splits)
        ]
        write_manifest(tmp_path / "config" / "cases" / "tiny.tsv", rows)
        plain_config["explainers"] |= {"expected": {"method": "expected_gradients"}, "gradient": {"method": "gradient"}}
        return Plan(complete(plain_config | {"phantom": {"patients": len(splits)}}), tmp_path)

    return make


def test_training_images_are_inputs_of_the_explainers_that_need_them_alone(plan):
    made = plan(*["train"] * 20, "test", "validation")
    groups = {group.explainers: made.reference_input(group.explainers) for group in made.explainer_groups}
    assert groups[("control-random",)] == groups[("gradient",)] == {}
    drawn = [path.split("/")[-2] for path in groups[("expected",)].values()]
    assert len(set(drawn)) == 8
    assert set(drawn) <= set(made.ids("train"))
    assert set(drawn) != {f"c{number}" for number in range(8)}, "they are drawn, not the first"
