"""Class activation maps, against Captum called directly, or against the formula of the paper where Captum has none."""

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam, LayerGradientXActivation
from made import close_to_peer, made_explainer, made_segmenter, random_segmenter, random_units
from monai.networks.nets import UNet
from scipy.ndimage import zoom
from torch import nn
from torch.nn.functional import interpolate

from unoise.data.units import Units
from unoise.errors import UserError
from unoise.networks.plain_unet import PlainUNet
from unoise.networks.windows import Windows

LAYER = "model.1.submodule.0"
SETTINGS = {
    "grad_cam": {},
    "grad_cam_plus_plus": {},
    "hires_cam": {},
    "seg_xres_cam": {"block": 2, "pooling": "mean"},
    "score_cam": {},
    "eigen_cam": {},
}
CHANNELS = 8


@pytest.fixture(params=[2, 3])
def model(request):
    return random_segmenter(request.param)


def scalar_of(model, units):
    organ = units.probabilities[:, 0] > 0.5
    return lambda images: (model.network(images)[:, 0] * organ).flatten(1).sum(1)


def large(small, units):
    mode = {2: "bilinear", 3: "trilinear"}[units.images.dim() - 2]
    return interpolate(small, units.images.shape[2:], mode=mode)[:, 0]


def of_layer(model, units):
    """Activations and gradients of the layer, by splitting the network there: every other part runs on its own."""
    first, middle, last = model.network.network.model
    layer, deepest, after = middle.submodule
    shallow = first(units.images)
    activations = layer(shallow).detach().requires_grad_()
    inner = after(torch.cat([activations, deepest.submodule(activations)], 1))
    logits = last(torch.cat([shallow, inner], 1))
    score = (logits * (units.probabilities > 0.5)).sum()
    return activations.detach(), torch.autograd.grad(score, activations)[0]


def test_grad_cam_and_hires_cam_equal_those_of_captum(model):
    units = random_units(model)
    images = units.images.clone().requires_grad_()
    layer = model.layer(LAYER)
    peer = LayerGradCam(scalar_of(model, units), layer).attribute(images, relu_attributions=True)
    close_to_peer(made_explainer("grad_cam", model, layer=LAYER).explain(units), large(peer.detach(), units))
    peer = LayerGradientXActivation(scalar_of(model, units), layer).attribute(images).sum(1, keepdim=True).relu()
    close_to_peer(made_explainer("hires_cam", model, layer=LAYER).explain(units), large(peer.detach(), units))


def test_grad_cam_and_hires_cam_equal_their_formulas(model):
    units = random_units(model)
    activations, gradients = of_layer(model, units)
    axes = tuple(range(2, activations.dim()))
    cam = (gradients.mean(axes, keepdim=True) * activations).sum(1, keepdim=True).relu()
    close_to_peer(made_explainer("grad_cam", model, layer=LAYER).explain(units), large(cam, units))
    cam = (gradients * activations).sum(1, keepdim=True).relu()
    close_to_peer(made_explainer("hires_cam", model, layer=LAYER).explain(units), large(cam, units))


def test_grad_cam_plus_plus_equals_its_formula(model):
    """Equations 10 and 19 with loops over units and channels."""
    units = random_units(model)
    activations, gradients = (one.numpy().astype(float) for one in of_layer(model, units))
    cam = np.zeros((len(units), 1, *activations.shape[2:]))
    for n in range(len(units)):
        for k in range(CHANNELS):
            g, a = gradients[n, k], activations[n, k]
            below = 2 * g**2 + a.sum() * g**3
            alpha = np.divide(g**2, below, out=np.zeros_like(g), where=below != 0)
            cam[n, 0] += (alpha * np.maximum(g, 0)).sum() * a
    expected = large(torch.from_numpy(np.maximum(cam, 0)).float(), units)
    close_to_peer(made_explainer("grad_cam_plus_plus", model, layer=LAYER).explain(units), expected)


@pytest.mark.parametrize(("pooling", "pool"), [("max", np.max), ("mean", np.mean)])
def test_seg_xres_cam_equals_its_formula(model, pooling, pool):
    units = random_units(model)
    activations, gradients = (one.numpy() for one in of_layer(model, units))
    weights = np.zeros_like(gradients)
    for place in np.ndindex(*[side // 2 for side in gradients.shape[2:]]):
        block = (..., *[slice(2 * start, 2 * start + 2) for start in place])
        weights[block] = pool(gradients[block], axis=tuple(range(2, gradients.ndim)), keepdims=True)
    cam = np.maximum((weights * activations).sum(1, keepdims=True), 0)
    maps = made_explainer("seg_xres_cam", model, layer=LAYER, block=2, pooling=pooling).explain(units)
    close_to_peer(maps, large(torch.from_numpy(cam), units))


def test_seg_xres_cam_lies_between_hires_cam_and_grad_cam(model):
    units = random_units(model)
    ends = {1: "hires_cam", 64: "grad_cam"}
    for block, name in ends.items():
        maps = made_explainer("seg_xres_cam", model, layer=LAYER, block=block, pooling="mean").explain(units)
        close_to_peer(maps, made_explainer(name, model, layer=LAYER).explain(units))
    ragged = made_explainer("seg_xres_cam", model, layer=LAYER, block=3, pooling="max").explain(units)
    assert ragged.shape == units.images[:, 0].shape


def test_score_cam_equals_its_formula(model):
    """Unit by unit and channel by channel; the masks are enlarged by SciPy."""
    units = random_units(model)
    activations, _ = of_layer(model, units)
    cam = torch.zeros_like(activations[:, :1])

    def agreement(image, n):
        now = model.network(image)[0, 0].sigmoid()
        organ = units.probabilities[n, 0] > 0.5
        return 2 * now[organ].sum() / (now.sum() + organ.sum())

    for n in range(len(units)):
        image = units.images[n : n + 1]
        factors = [whole / part for whole, part in zip(image.shape[2:], activations.shape[2:], strict=True)]
        nothing = agreement(torch.zeros_like(image), n)
        for k in range(CHANNELS):
            mask = zoom(activations[n, k].numpy(), factors, order=1, mode="nearest", grid_mode=True)
            mask = torch.from_numpy((mask - mask.min()) / (mask.max() - mask.min()))
            cam[n, 0] += (agreement(image * mask, n) - nothing) * activations[n, k]
    close_to_peer(made_explainer("score_cam", model, layer=LAYER).explain(units), large(cam.relu(), units))


def test_score_cam_gives_no_weight_to_a_channel_that_is_the_same_everywhere(segmenter, units):
    even = torch.full_like(units.images, 0.2)
    flat = Units("even", units.index, even, units.probabilities, units.spacing)
    average = nn.AvgPool2d(1)
    segmenter.network.network.average = nn.Sequential(average, nn.Conv2d(1, 1, 1).requires_grad_(False))
    assert made_explainer("score_cam", segmenter, layer="average").explain(flat).isfinite().all()


def test_eigen_cam_projects_on_the_first_singular_vector():
    model = random_segmenter(2)
    units = random_units(model)
    activations, _ = of_layer(model, units)
    maps = []
    for one in activations.numpy():
        places = one.reshape(CHANNELS, -1).T
        projected = places @ np.linalg.svd(places)[2][0]
        maps.append((projected * np.sign(projected.sum())).reshape(one.shape[1:]))
    expected = large(torch.from_numpy(np.stack(maps))[:, None], units)
    close_to_peer(made_explainer("eigen_cam", model, layer=LAYER).explain(units), expected)


@pytest.mark.parametrize("name", sorted(set(SETTINGS) - {"eigen_cam"}))
def test_a_volume_is_explained_window_by_window(name):
    """Windows side by side, so that each voxel is in one: the map of each is that of its window alone."""
    side_by_side = random_segmenter(3, windows=Windows((8, 8, 8), 0))
    units = random_units(side_by_side)
    maps = made_explainer(name, side_by_side, layer=LAYER, **SETTINGS[name]).explain(units)
    window = (..., slice(8, 16), slice(0, 8), slice(0, 8))
    alone = Units("alone", (0,), units.images[window], units.probabilities[window], units.spacing)
    close_to_peer(maps[window], made_explainer(name, side_by_side, layer=LAYER, **SETTINGS[name]).explain(alone))


@pytest.mark.parametrize("name", SETTINGS)
def test_no_hook_is_left_behind_even_by_a_failure(name, segmenter, units):
    explainer = made_explainer(name, segmenter, layer="average", **SETTINGS[name])
    explainer.explain(units)
    layer = segmenter.network.network.average
    assert not layer._forward_hooks
    assert not layer._backward_hooks
    segmenter.network.network.threshold = "no number"
    with pytest.raises(TypeError):
        explainer.explain(units)
    assert not layer._forward_hooks
    assert not layer._forward_pre_hooks
    assert not layer._backward_hooks


@pytest.mark.parametrize("name", SETTINGS)
def test_passes_are_counted_as_they_are(name, model):
    if name == "eigen_cam" and model.dims == 3:
        pytest.skip("it does not explain volumes")
    units = random_units(model)
    explainer = made_explainer(name, model, layer=LAYER, **SETTINGS[name])
    explainer.explain(units)
    forwards, backwards = {"score_cam": (2 + CHANNELS, 0), "eigen_cam": (1, 0)}.get(name, (1, 1))
    assert (model.forwards, model.backwards) == (forwards * len(units), backwards * len(units))


def test_an_activation_in_place_does_not_change_the_layers_output():
    """The layer's output is what it gave, not what a ReLU in place made of it."""
    first, rectified = nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(inplace=True)
    model = random_segmenter(2, nn.Sequential(first, rectified, nn.Conv2d(2, 1, 1)))
    units = random_units(model)
    activations = first(units.images)
    assert (activations < 0).any()
    gradients = model.network.network[2].weight * (activations > 0)
    organ = (units.probabilities > 0.5).float()
    weights = (gradients * organ).mean((2, 3), keepdim=True)
    cam = (weights * activations).sum(1).relu()
    for name, settings in (("seg_xres_cam", {"block": 16, "pooling": "mean"}), ("grad_cam", {})):
        close_to_peer(made_explainer(name, model, layer="0", **settings).explain(units), cam)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_layer_that_does_not_exist_is_named_with_those_that_do(name):
    segmenter = made_segmenter(UNet(2, 1, 1, (4, 8), (2,)))
    with pytest.raises(UserError, match=r"no layer 'bottleneck'.*model\.1\.submodule"):
        made_explainer(name, segmenter, layer="bottleneck", **SETTINGS[name])


def test_a_list_of_layers_is_no_layer():
    with pytest.raises(UserError, match=r"no layer 'downs'. It has: downs\.0"):
        made_segmenter(PlainUNet(2, 1, 1, depth=2, channels=2)).layer("downs")
