"""Maps made elsewhere: read, checked, brought to the grid, or refused by name."""

import logging
import pickle
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from made import stored_case

from unoise.data.units import Units
from unoise.data.volumes import read_volume, write_volume
from unoise.errors import UserError
from unoise.explainers.base import ExplainCases
from unoise.networks.build import fitting_network
from unoise.networks.models import save_model
from unoise.workflow.config import complete
from unoise.workflow.manifest import Case, write_manifest
from unoise.workflow.plan import Plan

SHAPE, SPACING = (16, 16, 6), (2.0, 3.0, 5.0)
AFFINE = np.diag([*SPACING, 1.0])
COMPUTE = {"device": "cpu", "precision": "float32", "batch_size": 8, "case_threads": 1}


class OneCase:
    """A case with a model, and a folder for maps."""

    def __init__(self, folder: Path):
        self.folder, self.maps = folder, folder / "maps"
        self.maps.mkdir()
        settings = {"name": "UNet", "spatial_dims": 2, "channels": [4, 8], "strides": [2], "input": "window"}
        card = {"network": settings, "out_channels": 1, "classes": ["organ"], "window": [-160, 240]}
        card |= {"training_data": {"body_mean": 0.3}, "preprocess": {"shape": [16, 16, None]}}
        save_model(folder / "model.safetensors", fitting_network(settings, 1, (16, 16)), card)
        images = torch.rand(6, 1, 16, 16)
        self.probabilities = torch.zeros_like(images)
        self.probabilities[2:4, :, 4:8, 4:8] = 1
        self.units = Units("c", tuple(range(6)), images, self.probabilities, SPACING[:2])
        self.files = stored_case(folder, self.units, prediction=self.probabilities)
        self.affine = read_volume(self.files["image"], "c")[1]

    def save(self, voxels: np.ndarray, affine: np.ndarray | None = None) -> Path:
        path = self.maps / "c.nii.gz"
        write_volume(path, voxels.astype(np.float32), self.affine if affine is None else affine)
        return path

    def explain(self) -> np.ndarray:
        settings = {
            "key": {"model": "m", "target": "organ", "explainer": "theirs"},
            "explainer": {"method": "external", "folder": str(self.maps), "seed": 1},
            "target": {"class": "organ"},
        }
        run = ExplainCases(settings, self.folder / "model.safetensors", None, [], None, COMPUTE)
        out = {"importance": self.folder / "out.nii.gz", "costs": self.folder / "costs.parquet"}
        run({"case": "c"}, self.files, out)
        voxels, affine = read_volume(out["importance"], "c")
        np.testing.assert_allclose(affine, self.affine)
        return voxels

    def refused(self) -> str:
        with pytest.raises(UserError) as raised:
            self.explain()
        assert not (self.folder / "out.nii.gz").exists()
        return str(raised.value)


@pytest.fixture
def case(tmp_path):
    return OneCase(tmp_path)


def ramp(shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    """A plane in mm: linear interpolation must give it back on any grid."""
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1) @ affine[:3, :3].T + affine[:3, 3]
    return places @ [1.0, 2.0, -0.5]


def test_a_map_on_the_grid_is_taken_as_it_is(case):
    voxels = np.random.default_rng(1).normal(size=SHAPE)
    case.save(voxels)
    np.testing.assert_array_equal(case.explain(), voxels.astype(np.float32))


@pytest.mark.parametrize(
    "affine",
    [
        np.diag([1.0, 1.5, 2.5, 1.0]),
        np.array([[-1.0, 0, 0, 31], [0, -1.5, 0, 46], [0, 0, 2.5, 0], [0, 0, 0, 1]]),
        np.array([[0, 0, 1.0, 0], [1.5, 0, 0, 0], [0, 2.5, 0, 0], [0, 0, 0, 1]]),
    ],
    ids=["finer", "other directions", "other axes"],
)
def test_a_map_on_another_grid_is_resampled_by_its_affine(case, affine):
    shape = tuple(np.abs(np.linalg.inv(affine[:3, :3]) @ [32, 48, 30]).round().astype(int) + 1)
    case.save(ramp(shape, affine), affine)
    inside = (slice(2, -2), slice(2, -2), slice(2, -2))  # the Gaussian meets the border elsewhere
    np.testing.assert_allclose(case.explain()[inside], ramp(SHAPE, AFFINE)[inside], atol=0.01)


def test_beyond_the_map_voxels_are_its_least_important(case):
    affine = AFFINE.copy()
    affine[0, 3] = 10 * SPACING[0]
    case.save(ramp(SHAPE, affine), affine)
    found = case.explain()
    np.testing.assert_allclose(found[10:], ramp(SHAPE, AFFINE)[10:], atol=1e-3)
    assert (found[:10] == found.min()).all()


def test_a_map_beside_the_image_is_refused(case):
    affine = AFFINE.copy()
    affine[2, 3] = 500
    path = case.save(ramp(SHAPE, affine), affine)
    assert case.refused() == (
        f"case c: {path}: the map lies beside the image: no voxel is in both. "
        "Give it the affine of the scan that it explains."
    )


def test_what_is_no_map_is_refused_by_name(case):
    path = case.maps / "c.nii.gz"
    assert case.refused().startswith(f"case c: {path}: the map does not exist. Put the map there as c.nii.gz")
    case.save(np.full(SHAPE, 3.0))
    assert case.refused().startswith(f"case c: {path}: all values of the map are 3")
    nib.save(nib.Nifti1Image(np.where(ramp(SHAPE, AFFINE) > 20, np.nan, 1), AFFINE), path)
    assert case.refused().startswith(f"case c: {path}: it holds NaN")
    path.write_bytes(pickle.dumps(Exploding()))
    assert case.refused().startswith(f"case c: {path}: it cannot be read as NIfTI")


class Exploding:
    """Must not be unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


def test_a_link_out_of_the_folder_is_refused(case):
    outside = case.folder / "outside.nii.gz"
    case.save(ramp(SHAPE, AFFINE)).rename(outside)
    (case.maps / "c.nii.gz").symlink_to(outside)
    assert "it is a link to" in case.refused()
    outside.rename(case.maps / "inside.nii.gz")
    (case.maps / "c.nii.gz").unlink()
    (case.maps / "c.nii.gz").symlink_to("inside.nii.gz")
    assert case.explain().shape == SHAPE


# Of any explainer: a map that says nothing


def test_a_map_that_is_constant_wherever_something_is_predicted_is_refused(case):
    levels = np.broadcast_to(np.arange(6.0), SHAPE)
    case.save(levels)
    assert case.refused() == (
        "case c: theirs gives one value to all voxels in 2 of the 2 units with the target. "
        "Mend the explainer, or choose other settings."
    )


def test_a_map_that_is_constant_in_one_of_them_is_a_warning_and_without_a_prediction_nothing(case, caplog):
    voxels = np.zeros(SHAPE)
    voxels[3, 3, 2:4] = 1
    case.save(voxels)
    with caplog.at_level(logging.WARNING, "unoise"):
        case.explain()
        assert not caplog.messages
        voxels[3, 3, 3] = 0
        case.save(voxels)
        case.explain()
    assert caplog.messages == ["case c: theirs gives one value to all voxels in 1 of the 2 units with the target"]


# In a config and a plan


@pytest.fixture
def plan(tmp_path, plain_config, monkeypatch):
    """Makes the plan of two training, a validation and two test cases, with maps from elsewhere for one of them."""
    rows = [
        Case(f"c{number}", f"p{number}", split, "image", "label", "liver=1")
        for number, split in enumerate(["train", "train", "validation", "test", "test"])
    ]
    write_manifest(tmp_path / "config" / "cases" / "tiny.tsv", rows)
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "c3.nii.gz").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAPS", "maps")

    def make(**explainers: dict) -> Plan:
        config = plain_config | {"phantom": {"patients": 5}, "explainers": explainers}
        return Plan(complete(config), tmp_path)

    return make


def test_maps_are_inputs_and_a_missing_one_does_not_stop_the_others(plan):
    made = plan(theirs={"method": "external", "folder": "${MAPS}"}, occlusion={"method": "occlusion"})
    groups = {group.explainers: group for group in made.explainer_groups}
    assert set(groups) == {("theirs",), ("occlusion",)}
    cases = made.ids("test")
    asked = made.map_input(("theirs",), cases)["map"](type("", (), {"explainer": "theirs"}))
    assert asked == ["maps/c3.nii.gz", "results/tiny/preprocessed/c4/image.nii.gz"]
    assert made.map_input(("occlusion",), cases) == {}
    assert made.timed == ["occlusion"]


def test_a_folder_that_is_not_there_is_named(plan):
    with pytest.raises(UserError, match=r"^elsewhere: explainers\.theirs: its folder of maps does not exist"):
        plan(theirs={"method": "external", "folder": "elsewhere"})


def test_explainers_share_a_rule_only_where_they_are_given_the_same(plan):
    made = plan(
        **{
            "occlusion": {"method": "occlusion"},
            "gradient": {"method": "gradient"},
            "expected": {"method": "expected_gradients"},
            "atlas": {"method": "atlas"},
            "theirs": {"method": "external", "folder": "maps"},
            "shap": {"method": "kernel_shap_structures"},
            "control-atlas": {"method": "atlas"},
            "control-edges": {"method": "edges"},
            "control-random": {"method": "smooth_random"},
        }
    )
    assert {group.explainers for group in made.explainer_groups} == {
        ("occlusion", "gradient"),
        ("expected",),
        ("atlas",),
        ("theirs",),
        ("shap",),
        ("control-atlas",),
        ("control-edges", "control-random"),
    }
    asked = {group.explainers: made.atlas_input(group.explainers) for group in made.explainer_groups}
    assert {keys for keys, files in asked.items() if files} == {("atlas",), ("control-atlas",)}
    labelled = {group.explainers: made.structure_input(group.explainers, ["c4"]) for group in made.explainer_groups}
    assert {keys for keys, files in labelled.items() if files} == {("shap",)}
    assert labelled[("shap",)] == {"structures": ["results/tiny/preprocessed/c4/structures.nii.gz"]}
    assert asked[("atlas",)] == {"atlas": "results/tiny/atlas/{target}.safetensors"}


def test_maps_made_elsewhere_cannot_be_made_again(plain_config):
    plain_config["explainers"] = {"theirs": {"method": "external", "folder": "maps"}}
    with pytest.raises(UserError, match=r"faithfulness\.explainers: the maps of 'theirs' are not made here"):
        complete(plain_config | {"faithfulness": {"explainers": ["theirs"]}})
