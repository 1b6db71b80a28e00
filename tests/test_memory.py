"""When memory runs out, the batch is halved and the work goes on."""

import logging

import pytest
import torch
from made import close_to_peer, made_explainer, random_segmenter, random_units
from torch import Tensor, nn

from unoise.compute import in_batches
from unoise.errors import UserError
from unoise.networks.windows import Windows

TOO_MUCH = 2**50  # bytes, which no allocator has


class Hungry(nn.Module):
    """A network that asks for more memory than there is where a batch is larger than it likes."""

    def __init__(self, dims: int, most: int):
        super().__init__()
        self.most, self.sizes = most, []
        convolution = {2: nn.Conv2d, 3: nn.Conv3d}[dims]
        self.convolution = convolution(1, 1, 3, padding=1)

    def __deepcopy__(self, _: dict) -> "Hungry":
        return self  # copies count with it

    def forward(self, images: Tensor) -> Tensor:
        self.sizes.append(len(images))
        if len(images) > self.most:
            torch.empty(TOO_MUCH, dtype=torch.uint8, device=images.device)
        return self.convolution(images)


def raise_out_of_memory(_: int) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def raise_memory_error(_: int) -> None:
    raise MemoryError


@pytest.mark.parametrize("fail", [lambda n: torch.empty(TOO_MUCH * n), raise_out_of_memory, raise_memory_error])
def test_a_batch_that_does_not_fit_is_halved_and_the_later_ones_begin_small(fail, caplog):
    sizes = []

    def double(part: Tensor) -> Tensor:
        sizes.append(len(part))
        if len(part) > 2:
            fail(len(part))
        return 2 * part

    values = torch.arange(19.0)
    with caplog.at_level(logging.WARNING, "unoise"):
        assert torch.equal(in_batches(double, 8, values), 2 * values)
    assert sizes == [8, 4, *[2] * 9, 1]
    assert "memory ran out for a batch of 8: on with 4" in caplog.text


def test_what_does_not_fit_even_alone_is_said_in_one_line():
    with pytest.raises(UserError, match=r"memory ran out for a single slice or window.*--cores"):
        in_batches(lambda part: torch.empty(TOO_MUCH), 4, torch.zeros(4))


def test_another_fault_is_no_lack_of_memory():
    sizes = []

    def wrong(part: Tensor) -> Tensor:
        sizes.append(len(part))
        return part @ torch.zeros(7)

    with pytest.raises(RuntimeError, match="size"):
        in_batches(wrong, 4, torch.zeros(4, 3))
    assert sizes == [4]


@pytest.mark.parametrize(("dims", "windows"), [(2, None), (3, Windows((8, 8, 8), 0.5))])
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("gradient", {}),
        ("integrated_gradients", {"steps": 3, "baseline": 0.0}),
        ("grad_cam", {"layer": "convolution"}),
        ("score_cam", {"layer": "convolution"}),
        ("occlusion", {"patch": 8, "stride": 8, "fill": 0.0, "edge": "hard", "border": "inside"}),
        ("rise", {"masks": 5, "cells": 2, "visible": 0.5, "fill": 0.0}),
        ("kernel_shap", {"features": 4, "compactness": 0.2, "samples": 5, "fill": 0.0}),
        ("extremal", {"steps": 2, "cells": 4, "fill": 0.0}),
    ],
)
def test_explainers_go_on_with_smaller_batches(name, settings, dims, windows):
    network = Hungry(dims, most=100)
    model = random_segmenter(dims, network, windows)
    units = random_units(model)
    explainer = made_explainer(name, model, **settings)
    network.sizes.clear()
    plenty = explainer.explain(units)
    assert max(network.sizes) == 2
    spent, model.forwards = model.forwards, 0
    network.most = 1
    network.sizes.clear()
    close_to_peer(explainer.explain(units), plenty)
    assert 2 in network.sizes
    assert model.forwards == spent, "an attempt that failed is no pass"
