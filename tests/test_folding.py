"""The copy of a network for many passes computes what the network does."""

import pytest
import torch
from made import random_segmenter, random_units
from monai.networks.nets import UNet
from torch import nn

from unoise.compute import Compute
from unoise.networks.folding import folded
from unoise.networks.plain_unet import PlainUNet

FLOAT, HALF = (Compute(torch.device("cpu"), dtype, 2) for dtype in (torch.float32, torch.bfloat16))


def experienced(network: nn.Module) -> nn.Module:
    """With statistics and weights in its normalisations, as after training."""
    torch.manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            for one in (module.running_mean, module.running_var, module.weight.data, module.bias.data):
                one.uniform_(0.5, 1.5)
    return network.eval().requires_grad_(False)


NETWORKS = {
    "batch": lambda: UNet(2, 1, 2, (4, 8, 8), (2, 2), num_res_units=2, norm="batch"),
    "batch, 3D": lambda: UNet(3, 1, 2, (4, 8, 8), (2, 2), norm="batch"),
    "plain": lambda: PlainUNet(2, 1, 2, 3, 4),
    "instance": lambda: UNet(2, 1, 2, (4, 8, 8), (2, 2), norm="instance"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_folded_network_computes_the_same(name):
    network = experienced(NETWORKS[name]())
    images = torch.rand(2, 1, *[16] * (3 if "3D" in name else 2))
    expected = network(images)
    found = folded(network, FLOAT, images[:1])
    torch.testing.assert_close(found(images), expected, rtol=1e-4, atol=1e-5)
    left = sum(isinstance(one, nn.BatchNorm2d | nn.BatchNorm3d) for one in found.modules())
    assert left == 0
    assert torch.equal(network(images), expected), "the network itself stays as it is"


def test_bfloat16_is_as_near_as_that_of_autocast():
    network = experienced(NETWORKS["batch"]())
    images = torch.rand(2, 1, 16, 16)
    expected = network(images)
    with HALF.autocast():
        fast, slow = folded(network, HALF, images[:1])(images), network(images)
    assert 0 < (fast - expected).abs().max() < 2 * (slow - expected).abs().max()


class Twice(nn.Module):
    """Uses the convolution of a chain a second time, by itself."""

    def __init__(self):
        super().__init__()
        self.chain = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.BatchNorm2d(1))

    def forward(self, images):
        return self.chain(images) + self.chain[0](images)


def test_a_network_that_folding_would_change_stays_as_it_is():
    network, images = experienced(Twice()), torch.rand(2, 1, 16, 16)
    torch.testing.assert_close(folded(network, FLOAT, images[:1])(images), network(images))


def test_probabilities_of_a_folded_segmenter_are_the_same_and_are_counted():
    for dims in (2, 3):
        segmenter = random_segmenter(dims)
        images = random_units(segmenter).images
        expected, before = segmenter.probabilities(images), segmenter.forwards
        segmenter.fold(segmenter.windows.patch if segmenter.windows else images.shape[2:])
        torch.testing.assert_close(segmenter.probabilities(images), expected, rtol=0, atol=1e-5)
        assert segmenter.forwards == 2 * before
