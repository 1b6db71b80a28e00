"""Controls: maps that know nothing of how the segmenter decides, and nothing of this case's label."""

import numpy as np
import pytest
import torch
from made import made_explainer, random_segmenter, random_units, stored_case

from unoise.data.units import Units
from unoise.data.volumes import write_volume
from unoise.errors import UserError
from unoise.explainers._atlas import write_atlas
from unoise.explainers.base import Context
from unoise.targets.class_target import ClassTarget
from unoise.workflow import methods


def flat_units(segmenter, images, case="made", spacing=(2.0, 3.0)):
    return Units(case, tuple(range(len(images))), images, segmenter.probabilities(images), spacing)


def test_smooth_random_is_seeded_and_as_smooth_as_it_says(segmenter):
    units = flat_units(segmenter, torch.zeros(40, 1, 64, 64))
    first, again = (made_explainer("smooth_random", segmenter, scale_mm=9.0).explain(units) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first[0], first[1])
    # White noise after a Gaussian of s correlates over a shift of d as exp(-d²/4s²).
    for axis, size in ((1, 2.0), (2, 3.0)):
        moved = first.roll(3, axis)
        correlation = (first * moved).mean() / first.square().mean()
        assert correlation.item() == pytest.approx(np.exp(-((3 * size) ** 2) / (4 * 9.0**2)), abs=0.05)


def test_edges_are_the_slope_per_mm(segmenter):
    x, y = np.meshgrid(np.arange(64) * 2.0, np.arange(64) * 3.0, indexing="ij")
    ramp = torch.from_numpy(0.003 * x + 0.004 * y).float()
    step = (torch.arange(64) >= 32).float()[:, None].expand(64, 64)
    maps = made_explainer("edges", segmenter, scale_mm=4.0).explain(
        flat_units(segmenter, torch.stack([ramp, step])[:, None])
    )
    assert maps[0, 16:48, 16:48].numpy() == pytest.approx(0.005, rel=1e-3)
    slope = 1 / np.sqrt(2 * np.pi) / 4.0 * np.exp(-(1.0**2) / (2 * 4.0**2))  # 1 mm beside the step
    assert maps[1, 31:33, 20].numpy() == pytest.approx(slope, rel=0.02)
    assert maps[1, :10].max() < 1e-6


def test_controls_take_volumes():
    model = random_segmenter(3)
    units = random_units(model)
    for name in ("smooth_random", "edges"):
        assert made_explainer(name, model, scale_mm=4.0).explain(units).shape == units.images[:, 0].shape


# Where the organ usually is


def body(level: float) -> np.ndarray:
    """A slice whose look tells its level."""
    x, y = np.meshgrid(np.arange(32), np.arange(32), indexing="ij")
    return np.sin(x * (1 + level) / 5) + np.cos(y * (2 - level) / 5)


@pytest.fixture
def atlas(tmp_path):
    """Of three patients, one of whom has two cases; each has the organ at another place, at one of three levels."""
    keys, files = [], {"image": [], "label": []}
    for number, (case, patient) in enumerate([("a", "A"), ("b", "B"), ("b2", "B"), ("c", "C")]):
        image = np.stack([body(level) for level in (0.0, 0.5, 1.0)], -1)
        label = np.zeros(image.shape)
        label[4 + 4 * number : 8 + 4 * number, 10:20, 1] = 2
        for kind, voxels in (("image", image), ("label", label)):
            files[kind].append(tmp_path / case / f"{kind}.nii.gz")
            write_volume(files[kind][-1], voxels.astype(np.float32), np.eye(4))
        keys.append({"case": case, "patient": patient})

    def write(dims: int):
        settings = {"target": {"class": "organ"}, "classes": ["vessel", "organ"]}
        write_atlas(settings, keys, files["image"], files["label"], dims, tmp_path / "atlas.safetensors")
        return tmp_path / "atlas.safetensors"

    return write


def usual(atlas, segmenter, units):
    context = Context(segmenter, ClassTarget("organ", 0), None, segmenter.compute, 5, atlas=atlas)
    return methods.find("explainers", "atlas").load().EXPLAINER(context).explain(units)


def levels(segmenter, case="new"):
    images = torch.stack([torch.from_numpy(body(level)).float() for level in (1.0, 0.5)])[:, None]
    return flat_units(segmenter, images, case)


def test_the_atlas_is_the_mean_over_patients_at_the_level_that_looks_alike(atlas, segmenter):
    maps = usual(atlas(2), segmenter, levels(segmenter))
    assert maps[1, 5, 12].item() == pytest.approx(1 / 3, abs=0.01)
    assert maps[1, 17, 12].item() == pytest.approx(1 / 3, abs=0.01)
    assert maps[1, 25, 12] == 0
    assert maps[0].max() < 0.01, "at this level nobody has the organ"
    assert maps[0, 5, 12] > maps[0, 25, 12], "but it still says where the organ is at other levels"


def test_the_atlas_of_a_training_case_leaves_its_own_patient_out(atlas, segmenter):
    maps = usual(atlas(2), segmenter, levels(segmenter, "b"))
    assert maps[1, 9, 12] == maps[1, 13, 12] == 0, "both cases of patient B"
    assert maps[1, 5, 12].item() == pytest.approx(1 / 2, abs=0.02)


def test_an_atlas_of_oneself_alone_is_refused(atlas, segmenter, tmp_path):
    file = atlas(2)
    settings = {"target": {"class": "organ"}, "classes": ["vessel", "organ"]}
    paths = [[tmp_path / "a" / f"{kind}.nii.gz"] for kind in ("image", "label")]
    write_atlas(settings, [{"case": "a", "patient": "A"}], *paths, 2, file)
    with pytest.raises(UserError, match=r"case a: an atlas is of other patients"):
        usual(file, segmenter, levels(segmenter, "a"))


def test_the_atlas_of_volumes_is_stretched_to_their_height(atlas):
    model = random_segmenter(3)
    image = torch.zeros(1, 1, 32, 32, 9)
    units = Units("new", (0,), image, image, (1.0, 1.0, 1.0))
    maps = usual(atlas(3), model, units)
    assert maps.shape == (1, 32, 32, 9)
    assert maps[0, 5, 12].argmax() == 4
    assert maps[0, 5, 12, 4].item() == pytest.approx(1.01 / 3, abs=0.01)


def test_the_map_does_not_depend_on_the_cases_label_or_prediction(atlas, segmenter, tmp_path):
    units = levels(segmenter)
    stored_case(tmp_path / "new", units, label=torch.ones_like(units.images[:, 0]))
    other = Units(units.case, units.index, units.images, 1 - units.probabilities, units.spacing)
    file = atlas(2)
    assert torch.equal(usual(file, segmenter, units), usual(file, segmenter, other))
