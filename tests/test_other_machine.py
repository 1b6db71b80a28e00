"""Another processor: from the same weights come the same numbers, within the tolerances of docs/reruns.md.

It is imitated by libraries that are kept from using the instructions of processors younger than SSE4.
"""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made import CPU, made_explainer, made_segmenter
from monai.networks.nets import UNet

from unoise.compute import generator
from unoise.data.units import Units

OLD = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"}
NOISE = 1e-5
PROBABILITIES = {"torch.float32": 1e-5, "torch.bfloat16": 0.01}
RELATIVE = 1e-3  # of a map in float32, of its largest value
MAPS = {"gradient": {}, "occlusion": {"patch": 9, "stride": 5, "fill": 0.0, "edge": "hard", "border": "cut"}}


def numbers() -> dict[str, np.ndarray]:
    """The instructions in use, noise, a network's probabilities in each precision, and maps in float32."""
    images = torch.rand((4, 1, 64, 64), generator=generator("another machine"), device="cpu")
    made = {"instructions": torch.tensor(torch.backends.cpu.get_cpu_capability() != "DEFAULT")}
    made["noise"] = torch.randn((4, 64, 64), generator=generator("another machine"), device="cpu")
    for dtype in (torch.float32, torch.bfloat16):
        torch.manual_seed(3)
        network = UNet(2, 1, 1, (16, 32, 64), (2, 2), num_res_units=2, norm="batch").eval().requires_grad_(False)
        segmenter = made_segmenter(network, replace(CPU, dtype=dtype))
        found = made[str(dtype)] = segmenter.probabilities(images)
        if dtype == torch.float32:
            units = Units("made", tuple(range(4)), images, found, (3.0, 3.0))
            for method, settings in MAPS.items():
                made[method] = made_explainer(method, segmenter, **settings).explain(units)
    return {name: value.float().numpy() for name, value in made.items()}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The numbers of this processor, and as if of an old one."""
    folder = tmp_path_factory.mktemp("machines")
    for name, environment in (("this", {}), ("old", OLD)):
        command = [sys.executable, __file__, folder / f"{name}.npz"]
        subprocess.run(command, env=os.environ | environment, cwd=Path(__file__).parent, check=True)
    return [dict(np.load(folder / f"{name}.npz")) for name in ("this", "old")]


def largest_difference(found: list[dict], name: str) -> float:
    return np.abs(found[0][name] - found[1][name]).max()


def test_the_old_processor_is_another_one(found):
    assert not found[1]["instructions"]
    assert any(largest_difference(found, name) for name in PROBABILITIES)


def test_noise_is_the_same(found):
    assert largest_difference(found, "noise") < NOISE


@pytest.mark.parametrize("precision", PROBABILITIES)
def test_probabilities_are_within_the_stated_tolerance(found, precision):
    assert largest_difference(found, precision) < PROBABILITIES[precision]


@pytest.mark.parametrize("method", MAPS)
def test_maps_are_within_the_stated_tolerance(found, method):
    assert largest_difference(found, method) < RELATIVE * np.abs(found[0][method]).max()


if __name__ == "__main__":
    np.savez(sys.argv[1], **numbers())
