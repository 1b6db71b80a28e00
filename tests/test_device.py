"""Every tensor is made on the device of the data: with `meta` as the default device any other one would break."""

import pytest
import torch
from captum.attr import IntegratedGradients
from made import CPU, made_segmenter, stored_case
from monai.losses import DiceLoss
from monai.networks.nets import UNet

from unoise.compute import generator
from unoise.data.volumes import read_volume, write_volume
from unoise.evaluation.evaluate import count_kept, count_visible
from unoise.evaluation.masks import ranks, tie_breakers, visible
from unoise.evaluation.probe import MaskedCase
from unoise.evaluation.probe import count as count_found
from unoise.evaluation.shown import Shown
from unoise.evaluation.stability import compare
from unoise.explainers._atlas import write_atlas
from unoise.explainers.base import Context
from unoise.networks.build import INPUTS, Normalised
from unoise.networks.interpreter import Interpreter
from unoise.obscurers.base import Surroundings, make_obscurer
from unoise.targets.base import make_target
from unoise.targets.class_target import ClassTarget
from unoise.training.loop import Moment, step
from unoise.training.objectives.base import Batch
from unoise.training.segmenter import segmentation_loss, validation_dice
from unoise.workflow import methods

TARGET = ClassTarget("organ", 0)
EXPLAINERS = {
    "u_noise": {},
    "u_noise_visibility": {},
    "gradient": {},
    "smooth_grad": {"samples": 2, "sigma": 0.1},
    "integrated_gradients": {"steps": 2, "baseline": 0.0},
    "expected_gradients": {"samples": 2},
    "input_x_gradient": {},
    "grad_cam": {"layer": "average"},
    "grad_cam_plus_plus": {"layer": "average"},
    "hires_cam": {"layer": "average"},
    "seg_xres_cam": {"layer": "average", "block": 2, "pooling": "max"},
    "score_cam": {"layer": "average"},
    "eigen_cam": {"layer": "average"},
    "occlusion": {"patch": 8, "stride": 8, "fill": 0.0, "edge": "gaussian", "border": "cut"},
    "random": {},
    "rise": {"masks": 4, "cells": 4, "visible": 0.5, "fill": 0.0},
    "kernel_shap": {"features": 8, "compactness": 0.2, "samples": 8, "fill": 0.0},
    "kernel_shap_structures": {"rest": 3, "compactness": 0.2, "samples": 8, "fill": 0.0},
    "extremal": {"steps": 2, "cells": 4, "fill": 0.0},
    "distance": {},
    "prediction": {},
    "intensity": {},
    "smooth_random": {"scale_mm": 9.0},
    "edges": {"scale_mm": 4.0},
    "atlas": {},
    "external": {"folder": "maps"},
}
OBSCURERS = {
    "zero": {},
    "mean": {},
    "noise": {"sigma_hu": 400},
    "blur": {"sigma_mm": 9},
    "donor": {},
    "road": {"sigma_hu": 4},
}


@pytest.fixture
def network():
    return UNet(2, 1, 1, (4, 8), (2,), norm="batch")


@pytest.fixture
def meta_default(network, segmenter, units):
    torch.set_default_device("meta")
    yield
    torch.set_default_device(None)


def test_every_method_there_is_is_tried_here():
    assert set(EXPLAINERS) == set(methods.names("explainers"))
    assert set(OBSCURERS) == set(methods.names("obscurers"))


@pytest.fixture
def monai_dice_on_cpu(monkeypatch):
    """MONAI's DiceLoss makes a small index tensor on the default device, only to read it as a list."""
    forward = DiceLoss.forward

    def on_cpu(self, *tensors):
        with torch.device("cpu"):
            return forward(self, *tensors)

    monkeypatch.setattr(DiceLoss, "forward", on_cpu)


@pytest.mark.usefixtures("meta_default", "monai_dice_on_cpu")
def test_training_step_of_the_segmenter(network, units):
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    for _ in range(2):
        loss = segmentation_loss(network, [1], 1, CPU)(units.images, (units.images > 0.5).float())
        value = step(network, optimizer, loss, 1.0)
    assert value > 0
    assert validation_dice(made_segmenter(network), [1], [[(units.images, units.images)]]) >= 0


@pytest.mark.parametrize("name", methods.names("training.objectives"))
@pytest.mark.usefixtures("meta_default")
def test_training_step_of_an_interpreter(name, network, segmenter, units):
    method = methods.find("training.objectives", name)
    defaults = {key: one["default"] for key, one in method.settings.items()}
    objective = method.load().OBJECTIVE(segmenter, **defaults)
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    labels, moment = (units.images > 0.5).float(), Moment(0.5, generator(1))
    loss = objective.loss(network(units.images), Batch(units.images, labels, segmenter), TARGET, moment)
    assert step(network, optimizer, loss, None) > 0


@pytest.mark.parametrize("name", OBSCURERS)
@pytest.mark.usefixtures("meta_default")
def test_obscurers(name, units):
    around = Surroundings((-160, 240), 0.3, units.images, 7)
    obscurer = make_obscurer(name, OBSCURERS[name])
    filling = obscurer.fill(units, around)
    assert obscurer.obscure(units.images, units.images > 0.5, filling).device.type == "cpu"


@pytest.fixture
def captum_on_cpu(monkeypatch):
    """Captum's IntegratedGradients makes its step sizes on the default device before they go to the images'."""
    attribute = IntegratedGradients.attribute

    def on_cpu(*arguments, **options):
        with torch.device("cpu"):
            return attribute(*arguments, **options)

    monkeypatch.setattr(IntegratedGradients, "attribute", on_cpu)


@pytest.mark.parametrize("name", EXPLAINERS)
@pytest.mark.usefixtures("meta_default", "captum_on_cpu")
def test_explainers(name, network, segmenter, units, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    organ = (units.images[:, 0] > 0.5).float()
    files = stored_case(tmp_path, units, label=organ, structures=organ)
    write_volume(tmp_path / "maps" / "made.nii.gz", *read_volume(files["image"], "made"))
    atlas, key = tmp_path / "atlas.safetensors", {"case": "other", "patient": "other"}
    settings = {"target": {"class": "organ"}, "classes": ["organ"]}
    write_atlas(settings, [key], [files["image"]], [files["label"]], 2, atlas)
    card = {"classes": ["organ"], "explains": ["organ"], "objective": {"anchor": "distance"}}
    wrapped = Normalised(network.eval(), *INPUTS["window"], 2)
    learned = Interpreter(wrapped, card, CPU)
    context = Context(segmenter, TARGET, learned, CPU, 1, [units.images], atlas)
    explainer = methods.find("explainers", name).load().EXPLAINER(context, **EXPLAINERS[name])
    explainer.begin(units.case, files)
    maps = explainer.explain(units)
    assert maps.device.type == "cpu"


@pytest.mark.usefixtures("meta_default")
def test_evaluation(segmenter, units):
    places = ranks(units.images[:, 0], tie_breakers(units, 1))
    mask = visible(places, 0.3, "kept_first")
    organ = TARGET.predicted(segmenter.probabilities(units.images))
    counts = count_visible(mask, {"body": mask, "label": organ})
    assert counts["visible"][0] == round(0.3 * 32 * 32)
    kept = count_kept(organ, {"label": organ, "clean": organ})
    assert kept["obscured_clean"].tolist() == organ.sum((1, 2)).tolist()
    assert (TARGET.voxels(units, units.images[:, 0]) >= 5).all()


@pytest.mark.usefixtures("meta_default")
@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "component", "rank": 1},
        {"kind": "component", "rank": 9},
        {"kind": "border", "inner_mm": 3, "outer_mm": 3},
        {"kind": "region", "label": "organ"},
        {"kind": "contrast", "against": "organ"},
        {"kind": "errors", "of": "missed"},
    ],
    ids=str,
)
def test_targets(units, settings):
    target = make_target({"class": "organ", **settings}, ["organ"])
    located = target.locate(units, units.images[:, 0])
    assert target.place(located.probabilities).shape == units.images[:, 0].shape
    for score in (target.scalar, target.agreement):
        assert score(units.probabilities, located.probabilities).shape == (2,)


@pytest.mark.usefixtures("meta_default")
def test_probe_and_stability(network, segmenter, units):
    organ = TARGET.predicted(segmenter.probabilities(units.images))
    case = MaskedCase(units.images, organ[None], organ)
    assert count_found(network.eval(), case, case, 0, CPU)["clean"] == organ.sum()
    shown = Shown(organ.flatten(1).any(1), units, organ, units.images[:, 0])
    assert len(compare(shown, {1: shown.importance, 2: -shown.importance}, 1)) == 2
