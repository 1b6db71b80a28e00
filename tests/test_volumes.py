"""Units that are volumes: the parts on small made ones, refusals before anything runs, and the whole workflow."""

import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
import yaml
from made import CPU
from project import Project
from test_training import SETTINGS
from torch import nn

from unoise import tables
from unoise.compute import generator
from unoise.data.units import Units, cut, volume
from unoise.data.volumes import write_volume
from unoise.errors import UserError
from unoise.evaluation.masks import ranks, tie_breakers, visible
from unoise.evaluation.shown import Shown
from unoise.explainers.base import Context
from unoise.networks.build import INPUTS, Normalised
from unoise.networks.segmenter import Segmenter
from unoise.networks.windows import Windows
from unoise.obscurers.base import Surroundings, make_obscurer
from unoise.targets.class_target import ClassTarget
from unoise.training.augmentations import affine, obscured
from unoise.training.patches import showing, training_set
from unoise.training.slices import CaseFiles
from unoise.workflow import methods
from unoise.workflow.config import complete

VOLUMES = Path(__file__).parent / "configs" / "volumes.yaml"
PATCH = [8, 8, 4]


def made_cases(folder, *depths) -> CaseFiles:
    """Preprocessed volumes of some depths, with a bright block to learn; voxel values tell where a voxel lies."""
    names = [f"case{number}" for number in range(len(depths))]
    paths = {kind: [folder / name / f"{kind}.nii.gz" for name in names] for kind in ("images", "labels", "bodies")}
    for name, depth in zip(names, depths, strict=True):
        label = np.zeros((16, 16, depth), np.uint8)
        label[9:13, 2:6, depth // 2 :] = 1
        image = np.arange(label.size, dtype=np.float32).reshape(label.shape)
        for kind, voxels in (("images", image), ("labels", label), ("bodies", np.ones_like(label))):
            write_volume(folder / name / f"{kind}.nii.gz", voxels, np.eye(4))
    return CaseFiles(names, names, **paths)


def made_units(shape=(1, 1, 8, 8, 6), case="a") -> Units:
    images = torch.rand(shape, generator=generator(case))
    return Units(case, (0,), images, images, (2.0, 2.0, 5.0))


def test_a_volume_is_one_unit_and_comes_back():
    channels = np.random.default_rng(0).random((2, 3, 4, 5)).astype(np.float32)
    assert cut(channels, CPU.device, 3).shape == (1, 2, 3, 4, 5)
    for dims in (2, 3):
        np.testing.assert_array_equal(volume(cut(channels, CPU.device, dims)[:, 1]), channels[1])


def test_patches_have_one_size_lie_in_their_volume_and_show_the_class_as_often_as_asked(tmp_path):
    own = SETTINGS | {"patch": PATCH, "batch_size": 4, "augmentation": "none", "background_share": 0.25}
    data = training_set(made_cases(tmp_path, 10, 7, 3), {"training": own | {"samples_per_epoch": None}})
    assert data.shape == (8, 8, 4)
    epoch = list(data.epoch(own | {"samples_per_epoch": 40}, 1, 1, CPU.device))
    images, labels = (torch.cat(part) for part in zip(*epoch, strict=True))
    assert images.shape == labels.shape == (40, 1, 8, 8, 4)
    shows = (labels > 0).flatten(1).any(1)
    assert shows.sum() >= 30, "three quarters are about a voxel of the class"
    assert len({tuple(one.flatten()[:3].tolist()) for one in images}) > 20, "they differ"
    inside = images > 0
    whole = images.diff(dim=4)[inside[..., 1:] & inside[..., :-1]]
    assert (whole == 1).all(), "neighbours in the volume are neighbours in the patch"
    again = list(data.epoch(own | {"samples_per_epoch": 40}, 1, 1, CPU.device))
    assert torch.equal(images, torch.cat([part[0] for part in again]))


def test_parts_that_show_a_class_cover_all_of_it_once(tmp_path):
    images, labels, _ = made_cases(tmp_path, 8).read(dims=3)
    parts, shown = showing(images[0], labels[0], PATCH)
    assert parts.shape[2:] == (8, 8, 4)
    assert shown.sum() == labels[0].sum()
    assert len(parts) < 8


def test_masks_leave_exactly_the_wanted_voxels_of_the_volume():
    units = made_units()
    places = ranks(torch.zeros(1, 8, 8, 6), tie_breakers(units, 1))
    for visibility in (0.01, 0.37, 1.0):
        assert visible(places, visibility, "kept_first").sum() == round(visibility * 384)
    where = visible(places, 0.1, "kept_first")[0].nonzero().float()
    assert where.std(0).max() < 2.5, "ties are broken by a field that is smooth along all axes"


def test_a_donor_and_another_patients_mask_are_stretched_to_the_same_height():
    ramp = torch.linspace(0, 1, 12).expand(1, 1, 8, 8, 12)
    units = made_units()
    filling = make_obscurer("donor", {}).fill(units, Surroundings((-160, 240), 0.3, ramp, 7))
    assert filling.shape == units.images.shape
    assert filling.diff(dim=4).min() > 0.1
    other = made_units((1, 1, 8, 8, 12), "b")
    shown = Shown(torch.tensor([True]), other, ramp[:, 0] > 2, ramp[:, 0])
    mask = visible(shown.places(1, (8, 8, 6)), 1 / 3, "kept_first")
    assert mask[..., 4:].all()
    assert mask.sum() == 128


def test_blur_and_scrambling_act_along_all_axes():
    images = torch.zeros(1, 1, 9, 9, 9)
    images[0, 0, 4, 4, 4] = 1
    filling = make_obscurer("blur", {"sigma_mm": 2}).fill(
        Units("a", (0,), images, images, (2.0, 2.0, 2.0)), Surroundings((0, 1), 0, None, 1)
    )
    assert filling[0, 0, 4, 4, 3] > 0.01
    assert filling[0, 0, 4, 4, 3] == pytest.approx(filling[0, 0, 3, 4, 4].item(), rel=1e-4)


def test_segmenter_and_occlusion_go_over_a_volume_in_windows():
    network = nn.Conv3d(1, 1, 1).requires_grad_(False)
    network.weight.fill_(40), network.bias.fill_(-20)
    segmenter = Segmenter(
        Normalised(network, *INPUTS["window"], 3), ["organ"], (-160, 240), 0.3, CPU, Windows((8, 8, 4), 0.5)
    )
    images = torch.full((1, 1, 12, 12, 10), 0.2)
    images[:, :, 2:6, 3:8, 4:8] = 0.9
    probabilities = segmenter.probabilities(images)
    np.testing.assert_allclose(probabilities, segmenter.logits(images).sigmoid(), rtol=1e-5)
    units = Units("a", (0,), images, probabilities, (2.0, 2.0, 2.0))
    context = Context(segmenter, ClassTarget("organ", 0), None, CPU, 1)
    maps = (
        methods.find("explainers", "occlusion")
        .load()
        .EXPLAINER(context, patch=2, stride=2, fill=0.0, edge="hard", border="inside")
        .explain(units)
    )
    assert maps.shape == (1, 12, 12, 10)
    assert maps[0, 2:6, 4:8, 4:8].min() > 0.05
    assert maps[0, 8:].abs().max() < 1e-5


@pytest.mark.parametrize("augment", [affine.augment, obscured.augment])
def test_augmentations_take_patches_and_move_labels_with_them(augment):
    images = torch.zeros(12, 1, 16, 16, 8)
    images[:, :, 5:11, 5:11, 2:6] = 0.8
    moved, labels = augment(images, (images > 0.5).float(), generator(1))
    assert moved.shape == images.shape
    assert set(labels.unique().tolist()) == {0, 1}
    if augment is affine.augment:
        middles = [one[0].nonzero().float().mean(0) for one in labels]
        assert (torch.stack(middles).std(0) > 0.1).all(), "they are shifted along all axes"
        assert ((moved > 0.4) == (labels > 0)).float().mean() > 0.97


def volumes_config(**changes: object) -> dict:
    """The miniature with entries replaced, each by its place, as in "segmenter.training"."""
    config = yaml.safe_load(VOLUMES.read_text(encoding="utf-8"))
    for place, value in changes.items():
        *folders, name = place.split(".")
        entry = config
        for folder in folders:
            entry = entry[folder]
        entry[name] = value
    return config


def test_everything_follows_the_segmenter():
    config = complete(volumes_config())
    inference = {"patch": [16, 16, 8], "overlap": 0.5}
    models = [config["segmenter"], *config["judges"].values(), *config["interpreters"].values()]
    assert [model["inference"] for model in models] == [inference] * 4
    assert [model["training"]["patch"] for model in models] == [[16, 16, 8]] * 4
    assert all(model["network"]["spatial_dims"] == 3 for model in models if "network" in model)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"explainers.cam": {"method": "eigen_cam", "layer": "model.0"}},
            r"explainers\.cam: eigen_cam .*Remove it from",
        ),
        ({"segmenter.training": {}}, r"segmenter\.training\.patch: .*Give the voxels of a patch"),
        (
            {"judges.tolerant": {"network": {"name": "UNet", "spatial_dims": 2}}},
            r"judges\.tolerant\..*segmenter's is 3",
        ),
        ({"judges.tolerant.training.augmentation": "published"}, r"tolerant\.training\.augmentation: published cannot"),
        ({"paper_protocols": {"published": {}}}, r"paper_protocols: it is of slices"),
        ({"probe": {"explainers": ["control-distance"]}}, r"probe\.explainers: it is of slices"),
        ({"cases.by_slice": True}, r"cases\.by_slice: it is of slices"),
        ({"segmenter.network.spatial_dims": 2}, r"segmenter\.training\.patch: a 2D network sees slices whole"),
    ],
)
def test_what_volumes_do_not_allow_is_refused_in_one_line(changes, said):
    with pytest.raises(UserError, match=said) as raised:
        complete(volumes_config(**changes))
    assert "\n" not in str(raised.value)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"), VOLUMES)
    project.cases()
    done = project.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    return project


@pytest.mark.slow
def test_the_units_of_a_run_are_whole_volumes(finished):
    files = sorted(finished.results.glob("metrics/*/liver/*/*.parquet"))
    metrics = tables.read(files, tables.METRICS)
    assert set(metrics.explainer) == set(finished.config["explainers"])
    assert not metrics.duplicated(["explainer", "case", "judge", "obscurer", "order", "visibility"]).any()
    assert (metrics.unit == 0).all()
    for case, rows in metrics.groupby("case"):
        image = nib.load(finished.results / "preprocessed" / case / "image.nii.gz")
        assert (rows.voxels == np.prod(image.shape)).all()
    assert (
        metrics.visible == [round(one * n) for one, n in zip(metrics.visibility, metrics.voxels, strict=True)]
    ).all()
    whole = metrics[metrics.visibility == 1]
    assert (whole.obscured_clean == whole.clean).all()
    assert (whole.obscured == whole.clean).all()
    curves = finished.read("tables/curves.parquet")
    np.testing.assert_allclose(curves[curves.visibility == 1].agreement.dropna(), 1)
    assert set(finished.read("tables/leak.parquet").content) == {"donor", "scrambled"}


@pytest.mark.slow
def test_maps_lie_on_the_image_and_say_that_their_values_compare(finished):
    maps = sorted(finished.results.glob("importance/*/liver/*/*.nii.gz"))
    assert {path.parent.name for path in maps} == set(finished.config["explainers"])
    for path in maps:
        image = nib.load(finished.results / "preprocessed" / path.name.removesuffix(".nii.gz") / "image.nii.gz")
        explained = nib.load(path)
        np.testing.assert_allclose(explained.affine, image.affine)
        assert explained.shape == image.shape
        assert b"values compare in the whole volume" in explained.header["descrip"].item()


@pytest.mark.slow
def test_the_summary_speaks_of_volumes_and_of_their_seams(finished):
    text = (finished.results / "summary.md").read_text()
    assert "the share of a volume's voxels" in text
    assert "forward passes of the segmenter per volume" in text
    assert not re.search(r"\bslices?\b", text)
    assert "## Seams" in text
    seams = finished.read("tables/seams.parquet").set_index("explainer").seam
    assert seams.notna().all()
    assert (seams.loc[["u-noise", "u-noise-paper-small", "control-random"]] < 1.2).all()
