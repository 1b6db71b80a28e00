"""`check_explainer` passes what is right and names each fault of what is not."""

import sys

import pytest
import torch

from unoise.testing import FaultyExplainer, check_explainer
from unoise.workflow import methods, sources

RIGHT = """
import torch
from torch.nn.functional import avg_pool2d, avg_pool3d

from unoise.compute import normal
from unoise.explainers.base import Explainer

SETTINGS = {"width": {"type": "integer", "minimum": 1, "default": 3}}
NEEDS = ()
VOLUMES = ("importance",)
DIMS = (2, 3)


class Mine(Explainer):
    def __init__(self, context, width):
        super().__init__(context)
        self.width = width

    def explain(self, units):
        images = units.images
        pool = {4: avg_pool2d, 5: avg_pool3d}[images.dim()]
        keys = [(self.context.seed, "mine", units.case, index) for index in units.index]
        noise = normal(keys, images.shape[2:], images.device)
        maps = pool(images, self.width, 1, self.width // 2)[:, 0] + 0.01 * noise
        return maps


EXPLAINER = Mine
"""
RETURN = "        return maps\n"
FIRST = "        images = units.images\n"
FAULTS = {
    "no subclass": ("EXPLAINER = Mine", "", "EXPLAINER is missing"),
    "abstract": ("def explain(", "def explains(", "EXPLAINER does not define explain"),
    "no import": ("import torch\n", "import torch\nimport not_there\n", "cannot be imported: ModuleNotFoundError"),
    "no source": ("EXPLAINER =", "EXPLAINER = =", "no Python source"),
    "no literal": ("NEEDS = ()", "NEEDS = tuple()", "line 9: NEEDS is no literal"),
    "unknown need": ("NEEDS = ()", 'NEEDS = ("label",)', "NEEDS names label; there are: gradient, layers"),
    "volumes": ('("importance",)', '("heat",)', "VOLUMES are ('heat',)"),
    "dims": ("(2, 3)", "(4,)", "DIMS are (4,)"),
    "schema": ('"integer"', '"whole"', "SETTINGS['width'] is no JSON schema"),
    "undeclared setting": ('"width": {', '"depth": {', "it fails: TypeError"),
    "no default": (', "default": 3', "", "'width' has no default"),
    "it fails": (FIRST, FIRST + "        1 / 0\n", "it fails: ZeroDivisionError"),
    "shape": (RETURN, "        return maps[:, None]\n", "the shape of importance is (4, 1, 32, 32), not (4, 32, 32)"),
    "no tensor": (RETURN, "        return maps.numpy()\n", "importance is a ndarray, not a tensor"),
    "nan": (RETURN, "        return torch.where(maps > 0.5, torch.nan, maps)\n", "values of importance are not finite"),
    "nan without a prediction": (
        RETURN,
        "        there = self.context.target.predicted(units.probabilities).flatten(1).any(1)\n"
        "        return maps / there.reshape(-1, *[1] * (maps.dim() - 1))\n",
        "values of importance are not finite",
    ),
    "constant": (RETURN, "        return torch.ones_like(maps)\n", "3 of 3 maps with a prediction hold one value"),
    "device": (RETURN, "        return maps.to('meta')\n", "importance is torch.float32 on meta"),
    "no device": (
        RETURN,
        "        return maps + torch.zeros(1)\n",
        "it makes tensors without naming a device: mine_no_device.py:25 (torch.zeros)",
    ),
    "dtype": (RETURN, "        return maps.double()\n", "importance is torch.float64 on cpu, not torch.float32"),
    "not repeatable": (RETURN, "        return maps + torch.rand_like(maps)\n", "others when it runs again"),
    "remembers": (
        RETURN,
        "        self.calls = getattr(self, 'calls', 0) + 1\n        return maps ** self.calls\n",
        "others when it runs again",
    ),
    "numpy's global numbers": (
        RETURN,
        "        import numpy\n        return maps + float(numpy.random.rand()) * units.images[:, 0]\n",
        "others when it runs again",
    ),
    "changes its input": (FIRST, FIRST + "        images *= 2\n", "it changes the units it is given"),
    "changes the segmenter": (
        FIRST,
        FIRST + "        self.context.segmenter.network.network.last.bias += 1\n",
        "it changes the weights of the segmenter",
    ),
    "changes the body mean": (
        FIRST,
        FIRST + "        self.context.segmenter.body_mean = 0.9\n",
        "it changes the classes, window or body mean of the segmenter",
    ),
    "changes torch": (
        FIRST,
        FIRST + "        torch.use_deterministic_algorithms(not torch.are_deterministic_algorithms_enabled())\n",
        "it changes the settings of torch, which hold for everybody",
    ),
    "ends Python": (FIRST, FIRST + "        raise SystemExit(3)\n", "it fails: SystemExit: 3"),
    "trains": (FIRST, FIRST + "        self.context.segmenter.network.train()\n", "changes the mode (training"),
    "leaves hooks": (
        FIRST,
        FIRST + "        self.context.segmenter.network.network.first.register_forward_hook(lambda *_: None)\n",
        "it changes the hooks of the segmenter",
    ),
    "batch": (RETURN, "        return maps * maps.amax()\n", "depends on the slices that are explained with it"),
    "gradients on": (
        RETURN,
        "        return maps + images.clone().requires_grad_()[:, 0]\n",
        "it leaves gradients on",
    ),
    "gradients off": (FIRST, FIRST + "        torch.set_grad_enabled(False)\n", "leaves gradients switched off"),
    "label": (
        RETURN,
        "        return maps\n\n    def begin(self, case, files):\n"
        "        (files['image'].parent / 'label.nii.gz').read_bytes()\n",
        "it opens label.nii.gz: an explanation must not know the label",
    ),
    "undeclared gradient": (
        RETURN,
        "        self.context.scalar(images.clone().requires_grad_(), units.probabilities).sum().backward()\n"
        "        return maps\n",
        'it uses gradient, and NEEDS does not say "gradient"',
    ),
    "undeclared layer": (
        FIRST,
        FIRST + "        self.context.segmenter.layer('first')\n",
        'it uses layers, and NEEDS does not say "layers"',
    ),
    "fails on a slice alone": (FIRST, FIRST + "        assert units.index != (2,)\n", "or on a slice alone"),
    "no tuple": ("DIMS = (2, 3)", "DIMS = 2", "DIMS is 2, not a tuple. Write DIMS = (2,)"),
    "no folder": ("NEEDS = ()", 'NEEDS = ("map",)', 'SETTINGS has no "folder"'),
    "only volumes fail": (FIRST, FIRST + "        assert images.dim() == 4\n", "a volume: it fails: AssertionError"),
}  # fmt: skip


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes the source of a module that can be imported."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, source: str) -> str:
        (tmp_path / f"{name}.py").write_text(source)
        return name

    yield write
    for cached in (sources._roots, sources.module_file):
        cached.cache_clear()
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def faults_of(method: str, **settings: object) -> list[str]:
    with pytest.raises(FaultyExplainer) as raised:
        check_explainer(method, **settings)
    assert torch.is_grad_enabled()
    assert all(f"- {fault}" in str(raised.value) for fault in raised.value.faults)
    return raised.value.faults


def test_a_right_explainer_has_no_fault(module):
    check_explainer(module("mine_right", RIGHT))
    check_explainer("mine_right", width=5)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named(module, fault):
    old, new, said = FAULTS[fault]
    assert old in RIGHT
    found = faults_of(module(f"mine_{fault.replace(' ', '_').replace(chr(39), '')}", RIGHT.replace(old, new, 1)))
    assert any(said in one for one in found), found
    assert len(found) <= 2, "once for slices, once for volumes"


def test_several_faults_are_one_list(module):
    source = RIGHT.replace(FIRST, FIRST + "        images *= 2\n").replace(
        RETURN, "        return maps * maps.amax()\n"
    )
    found = faults_of(module("mine_twice_wrong", source))
    assert len(found) == 3, "two of slices, one of the volume"


def test_settings_are_tried_as_they_are_given(module):
    module("mine_settings", RIGHT)
    assert faults_of("mine_settings", width=0) == ["setting 'width': 0 is less than the minimum of 1"]
    assert faults_of("mine_settings", depth=1) == ["SETTINGS does not declare 'depth'"]


def test_a_module_that_is_not_there_is_said():
    assert "there is no Python module 'nobody_has_this'" in faults_of("nobody_has_this")[0]


LAYER = {name: {"layer": "first"} for name in methods.names("explainers") if "cam" in name}
FEW = {
    "smooth_grad": {"samples": 2},
    "expected_gradients": {"samples": 2},
    "integrated_gradients": {"steps": 4},
    "rise": {"masks": 20},
    "extremal": {"steps": 10},
    "kernel_shap": {"samples": 100},
}


@pytest.mark.parametrize("name", [name for name in methods.names("explainers") if name != "external"])
def test_the_explainers_of_the_package_have_no_fault(name):
    check_explainer(name, **LAYER.get(name, {}), **FEW.get(name, {}))


def test_a_layer_that_does_not_exist_is_named_with_those_that_do():
    assert "no layer 'bottleneck'" in faults_of("grad_cam", layer="bottleneck")[0]
