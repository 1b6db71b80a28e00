import pytest
import torch
from made import CPU

from unoise.compute import generator
from unoise.errors import UserError
from unoise.networks.build import build_network, fitting_network
from unoise.networks.models import load_model, save_model
from unoise.networks.weights import load_weights
from unoise.training.segmenter import start_at_prior

UNET = {"name": "UNet", "input": "window", "spatial_dims": 2, "channels": [4, 8, 16], "strides": [2, 2]}


@pytest.mark.parametrize(
    ("settings", "shape", "said"),
    [
        (UNET, (63, 57), "UNet cannot segment slices of 63 x 57 voxels"),
        ({"name": "DenseNet121", "input": "window", "spatial_dims": 2}, (64, 64), "it gives no logit for every voxel"),
        ({"name": "UNett", "input": "window", "spatial_dims": 2}, (64, 64), "has no network 'UNett'"),
        (UNET | {"strides": [2]}, (64, 64), "strides"),
    ],
)
def test_a_network_that_cannot_segment_is_refused_in_one_line(settings, shape, said):
    with pytest.raises(UserError, match=said):
        fitting_network(settings, 1, shape)


@pytest.mark.parametrize("name", ["UNet", "BasicUNet"])
def test_an_untrained_segmenter_predicts_each_class_as_often_as_it_occurs(name):
    torch.manual_seed(0)
    network = fitting_network(
        UNET if name == "UNet" else {"name": name, "input": "window", "spatial_dims": 2}, 2, (64, 64)
    )
    start_at_prior(network, [0.01, 0.2])
    shares = network.eval()(torch.rand(4, 1, 64, 64)).sigmoid().mean((0, 2, 3))
    assert 0.002 < shares[0] < 0.05
    assert 0.08 < shares[1] < 0.4


def test_a_model_comes_back_with_its_card_and_a_strangers_file_is_refused(tmp_path):
    network = fitting_network(UNET, 1, (64, 64)).eval()
    card = {"network": UNET, "out_channels": 1, "classes": ["organ"]}
    save_model(tmp_path / "model.safetensors", network, card)
    loaded, read = load_model(tmp_path / "model.safetensors", CPU)
    images = torch.rand(1, 1, 64, 64)
    assert read == card
    assert torch.equal(loaded(images), network(images))
    torch.save(network.state_dict(), tmp_path / "pickled.safetensors")
    with pytest.raises(UserError, match="not a model of this project"):
        load_model(tmp_path / "pickled.safetensors", CPU)


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "UNet", "spatial_dims": 2, "channels": [4, 8], "strides": [2], "num_res_units": 2},
        {"name": "BasicUNet", "spatial_dims": 3, "features": [2, 2, 4, 4, 4, 2]},
    ],
)
def test_a_network_that_sees_the_prediction_starts_as_one_that_does_not(tmp_path, settings):
    alone, beside = (build_network(settings | {"input": seen}, 1).eval() for seen in ("window", "prediction"))
    save_model(tmp_path / "alone.safetensors", alone, {"network": settings, "out_channels": 1})
    load_weights(beside, tmp_path / "alone.safetensors")
    images, probability = torch.rand(2, 2, 1, *[32] * settings["spatial_dims"], generator=generator("seen"))
    with torch.no_grad():
        torch.testing.assert_close(beside(beside.beside(images, probability)), alone(alone.beside(images, probability)))
