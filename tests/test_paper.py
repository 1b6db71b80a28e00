"""The published experiment: its settings, its networks, its data, its evaluation."""

import copy
import json
import sys
import types
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch
from made import CPU, bright_segmenter
from project import PROJECT, Project

from unoise import tables
from unoise.data.preprocess import dataset_window
from unoise.data.slice_split import Scan, divide, shown_slices
from unoise.data.volumes import read_volume, write_volume
from unoise.errors import UserError
from unoise.evaluation import paper_protocol
from unoise.networks.build import Normalised, build_network, parameter_count
from unoise.networks.segmenter import Segmenter
from unoise.networks.weights import load_weights
from unoise.statistics.protocols import compare_protocols
from unoise.workflow.config import read_config
from unoise.workflow.manifest import Case, write_manifest


@pytest.fixture
def paper(monkeypatch) -> dict:
    monkeypatch.setenv("UNOISE_PANCREAS", "data/Task07_Pancreas")
    return read_config(PROJECT / "config" / "paper.yaml")


SMALL = {"name": "PlainUNet", "input": "imagenet", "spatial_dims": 2, "depth": 2, "channels": 16}

# Settings


@pytest.mark.parametrize(
    ("place", "published"),
    [
        ("classes.pancreas", ["pancreas", "cancer"]),
        ("cases.by_slice", True),
        ("cases.first_slices", 5000),
        ("cases.split_shares", {"train": 0.8, "validation": 0.1, "calibration": 0, "test": 0.1}),
        ("preprocess.stride", [2, 2, 1]),
        ("preprocess.spacing", [None, None, None]),
        ("preprocess.shape", [256, 256, None]),
        ("preprocess.window", "dataset"),
        ("segmenter.dice_weight", 0),
        ("segmenter.start_at_prior", False),
        ("segmenter.training.epochs", 100),
        ("segmenter.training.batch_size", 8),
        ("segmenter.training.learning_rate", 3e-3),
        ("segmenter.training.schedule", "constant"),
        ("segmenter.training.weight_decay", 0),
        ("segmenter.training.clip_gradient", None),
        ("segmenter.training.background_share", 0),
        ("segmenter.training.augmentation", "published"),
        ("segmenter.training.validate_by", "batch"),
        ("interpreters.paper-small.training.learning_rate", 3e-3),
        ("interpreters.paper-small-pretrained.training.learning_rate", 1e-3),
        ("interpreters.paper-large.objective.noise_min", 1),
        ("interpreters.paper-large.objective.noise_max", 5),
        ("interpreters.paper-large.objective.ratio", 0.001),
        ("explainers.occlusion.patch", 15),
        ("explainers.occlusion.stride", 2),
        ("explainers.grad-cam.layer", "downs.4"),
        (
            "paper_protocols.published",
            {"split": "validation", "threshold": "global", "fill": "input", "pooling": "batch"},
        ),
    ],
)
def test_a_published_setting(paper, place, published):
    found = paper
    for name in place.split("."):
        found = found[name]
    assert found == published


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_an_interpreter_is_trained_from_scratch_and_from_a_segmentation_of_its_own_shape(paper, size):
    scratch, pretrained = (paper["interpreters"][f"paper-{size}{start}"] for start in ("", "-pretrained"))
    assert scratch["network"] == pretrained["network"]
    assert "pretraining" not in scratch
    assert pretrained["pretraining"] == paper["segmenter"]["training"]
    assert scratch["training"] == paper["segmenter"]["training"]


# Networks


@pytest.mark.parametrize(
    ("key", "parameters"),
    [(None, 34_527_041), ("paper-small", 28_529), ("paper-medium", 130_577), ("paper-large", 537_425)],
)
def test_the_networks_have_as_many_parameters_as_the_published_ones(paper, key, parameters):
    settings = paper["segmenter"] if key is None else paper["interpreters"][key]
    assert parameter_count(build_network(settings["network"], 1)) == parameters


class PublishedBlock(torch.nn.Sequential):
    """Two convolutions, numbered as in the published networks."""

    def __init__(self, before, after):
        layers = []
        for entering in (before, after):
            layers += [torch.nn.Conv2d(entering, after, 3, padding=1), torch.nn.BatchNorm2d(after), torch.nn.ReLU()]
        super().__init__(*layers)


class PublishedUNet(torch.nn.Module):
    """A network of depth 2 with the published names, written by hand to compare with."""

    def __init__(self):
        super().__init__()
        self.downs = torch.nn.ModuleList([PublishedBlock(3, 16), PublishedBlock(16, 32)])
        up = torch.nn.Module()
        up.up = torch.nn.Sequential(torch.nn.Upsample(scale_factor=2), *list(PublishedBlock(32, 16))[:3])
        up.conv = PublishedBlock(32, 16)
        self.ups = torch.nn.ModuleList([up])
        self.conv1x1 = torch.nn.Conv2d(16, 1, 1)

    def forward(self, images):
        shallow = self.downs[0](images)
        deep = self.ups[0].up(self.downs[1](torch.nn.functional.max_pool2d(shallow, 2)))
        return self.conv1x1(self.ups[0].conv(torch.cat([deep, shallow], 1)))


@pytest.fixture
def published():
    torch.manual_seed(3)
    network = PublishedUNet()
    network(torch.rand(4, 3, 32, 32))  # statistics of the normalisations
    return network.eval()


@pytest.mark.parametrize("prefix", ["", "model.", "noise_model."])
def test_weights_of_the_published_layout_give_the_published_outputs(tmp_path, published, prefix):
    named = {prefix + name: value for name, value in published.state_dict().items()}
    torch.save({"state_dict": named, "epoch": 99}, tmp_path / "published.ckpt")
    network = build_network(SMALL, 1).eval()
    load_weights(network, tmp_path / "published.ckpt")
    images = torch.rand(2, 1, 32, 32)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    seen = (images.repeat(1, 3, 1, 1) - mean[:, None, None]) / std[:, None, None]
    assert torch.allclose(network(images), published(seen), atol=1e-6)


def test_a_lightning_checkpoint_is_read_without_running_its_code(tmp_path, published, monkeypatch):
    parsing = types.ModuleType("pytorch_lightning.utilities.parsing")
    parsing.AttributeDict = type("AttributeDict", (dict,), {"__module__": parsing.__name__})
    for name in ("pytorch_lightning", "pytorch_lightning.utilities"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, parsing.__name__, parsing)
    named = {f"model.{name}": value for name, value in published.state_dict().items()}
    checkpoint = {"state_dict": named, "hyper_parameters": parsing.AttributeDict(depth=2, channel_factor=4)}
    torch.save(checkpoint, tmp_path / "utility.ckpt")
    monkeypatch.undo()
    network = build_network(SMALL, 1)
    load_weights(network, tmp_path / "utility.ckpt")
    first = network.network.state_dict()["downs.0.0.conv.weight"]
    assert torch.equal(first, published.state_dict()["downs.0.0.weight"])


class Harmful:
    def __reduce__(self):
        return (Path("harmed").touch, ())


@pytest.mark.parametrize("content", ["code", "other shape", "nothing", "a list", "not finite", "cut short"])
def test_weights_that_do_not_fit_are_refused_in_one_line(tmp_path, published, content, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.ckpt"
    stored = {
        "code": {"state_dict": Harmful()},
        "other shape": build_network(SMALL | {"channels": 8}, 1).network.state_dict(),
        "nothing": {},
        "a list": {"state_dict": [1]},
        "not finite": {name: value * float("nan") for name, value in published.state_dict().items()},
        "cut short": published.state_dict(),
    }[content]
    torch.save(stored, path)
    if content == "cut short":
        path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match="weights") as error:
        load_weights(build_network(SMALL, 1), path)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "harmed").exists()


# Data


def test_slices_are_divided_in_the_order_of_the_dataset_and_a_scan_can_lie_on_both_sides():
    shows = [np.arange(10) % 10 >= 4, np.ones(8, bool), np.arange(30) < 6]
    scans = [Scan("c", shows[0], False), Scan("a", shows[1], True), Scan("b", shows[2], False)]
    # 20 slices that show a class in all, the first 22 slices hold 6 + 8 + 4 of them
    parts = list(divide(scans, {"train": 0.5, "validation": 0.25, "test": 0.25}, 22))
    assert parts == [
        ("c", "train", "4:10"),
        ("a", "train", "5:8"),  # the first three stored, from the head
        ("a", "validation", "1:5"),
        ("a", "test", "0:1"),
        ("b", "test", "0:4"),
    ]


def test_a_slice_shows_a_class_if_one_of_the_pixels_taken_does(tmp_path, save_nifti):
    label = np.zeros((6, 6, 3), np.uint8)
    label[1, 1, 0] = label[2, 4, 1] = label[3, 4, 2] = 2
    path = save_nifti(tmp_path / "label.nii", label, np.diag([1, 1, -1, 1]))
    scan = shown_slices("a", path, [1, 2], [2, 2, 1])
    assert scan.shows.tolist() == [False, True, False]
    assert scan.descending
    assert shown_slices("a", path, [1], None).shows.tolist() == [False] * 3


def test_the_window_of_the_dataset_is_its_range_on_the_pixels_taken(tmp_path, save_nifti):
    voxels = np.zeros((4, 4, 2), np.float32)
    voxels[0, 0, 0], voxels[2, 2, 1], voxels[1, 1, 1] = -1024, 900, 3000
    paths = [save_nifti(tmp_path / "a.nii", voxels), save_nifti(tmp_path / "b.nii", voxels * 0 + 5)]
    assert dataset_window(paths, [2, 2, 1]) == (-1024, 900)
    assert dataset_window(paths, None) == (-1024, 3000)
    with pytest.raises(UserError, match="all scans of the dataset hold one value"):
        dataset_window(paths[1:], None)


# Evaluation


@pytest.fixture
def bright_cases(tmp_path):
    """Three patients, two slices with a bright organ each; B is .2 in the organ, .6 around it, .9 far off."""
    keys, files = [], {"image": [], "label": [], "map": []}
    for number, case in enumerate(("a", "b", "c")):
        image = np.full((16, 16, 3), 0.2, np.float32)
        image[4:10, 3 + number : 9 + number, :2] = 0.9
        scale = np.full(image.shape, 0.9, np.float32)
        scale[3:11, 2 + number : 10 + number] = 0.6
        scale[image > 0.5] = 0.2
        for name, voxels in {"image": image, "label": image > 0.5, "map": scale}.items():
            path = tmp_path / case / f"{name}.nii.gz"
            write_volume(path, voxels.astype(np.float32), np.eye(4))
            files[name].append(path)
        keys.append({"case": case, "patient": case, "split": "validation" if number < 2 else "test"})
    return keys, files


PUBLISHED = {"split": "validation", "threshold": "global", "fill": "input", "pooling": "batch"}


def evaluated(cases, volume="noise_scale", segmenter=None, **protocol):
    settings = {
        "key": {"model": "m", "target": "organ", "explainer": "e"},
        "target": {"class": "organ"},
        "seed": 1,
        "protocols": {"one": PUBLISHED | protocol},
        "volume": volume,
    }
    card = {"parameters": 28529, "pretrained": False}
    return pd.DataFrame(paper_protocol.protocol_rows(segmenter or bright_segmenter(), settings, *cases, card))


def test_the_published_evaluation_hides_what_has_more_noise_than_one_threshold(bright_cases):
    rows = evaluated(bright_cases)
    curve = rows[rows.threshold.notna()]
    assert curve.threshold.tolist() == pytest.approx(np.linspace(0, 1, 21))
    seen = curve.set_index(curve.threshold.round(2)).visibility
    assert seen[0.15] == 0
    assert seen[0.2] == seen[0.55] == 36 / 256
    assert seen[0.6] == seen[0.85] == 64 / 256
    assert seen[0.9] == seen[1.0] == 1
    dice = curve.set_index(curve.threshold.round(2)).dice
    assert dice[0.15] == 0
    assert 0.5 < dice[0.2] <= dice[1.0]
    assert set(rows.slices) == {4}, "two slices of two patients show the organ"


def test_half_visible_is_by_the_median_of_all_slices(bright_cases):
    rows = evaluated(bright_cases)
    assert rows[rows.threshold.isna()].visibility.item() == 1, "most of the voxels have the median"
    rows = evaluated(bright_cases, threshold="slice")
    assert rows[rows.threshold.isna()].visibility.item() == 0.5


def test_a_map_without_natural_thresholds_is_cut_at_quantiles(bright_cases):
    rows = evaluated(bright_cases, volume="importance")
    curve, half = rows[rows.threshold.notna()], rows[rows.threshold.isna()]
    assert curve.visibility.tolist() == pytest.approx(curve.threshold.tolist(), abs=0.01), "ties are broken"
    assert half.visibility.item() == pytest.approx(0.5, abs=0.01)


def test_each_fault_is_a_switch(bright_cases):
    as_published = evaluated(bright_cases)
    other_split = evaluated(bright_cases, split="test")
    assert set(other_split.slices) == {2}
    own = evaluated(bright_cases, threshold="slice")
    assert own[own.threshold.notna()].visibility.tolist() == pytest.approx(np.linspace(0, 1, 21), abs=0.01)
    by_patient = evaluated(bright_cases, pooling="patient")
    assert by_patient.visibility.tolist() == as_published.visibility.tolist()


def test_published_zero_is_that_of_the_normalised_input_and_not_air(bright_cases):
    """This segmenter sees 0.9 more than there is: air looks bright to it, 0 after normalisation does not."""
    normalised = Normalised(bright_segmenter().network.network, (-0.9,), (1.0,), 2)
    segmenter = Segmenter(normalised, ["organ"], (0, 1), 0.3, CPU)
    hidden = {fill: evaluated(bright_cases, segmenter=segmenter, fill=fill).iloc[0] for fill in ("input", "air")}
    assert hidden["input"].visibility == hidden["air"].visibility == 0
    assert hidden["input"].dice == 0
    assert hidden["air"].dice == pytest.approx(2 * 36 / (256 + 36), abs=0.01)


def test_both_evaluations_end_in_one_table():
    steps = np.linspace(0, 1, 21)
    key = {"model": "m", "target": "organ", "explainer": "u", "parameters": 28529, "pretrained": True}
    rows = [
        {**key, "protocol": "published", "split": "validation", "threshold": t, "visibility": t, "dice": 0.8 * t}
        for t in steps
    ] + [{**key, "protocol": "published", "split": "validation", "visibility": 0.5, "dice": 0.3}]
    curves = pd.DataFrame(
        {"model": "m", "target": "organ", "explainer": "u", "patient": p, "split": "test", "judge": "original",
         "obscurer": "zero", "order": "kept_first", "visibility": v, "dice": v}
        for p in "ab" for v in (0.01, 0.1, 0.5, 1.0)
    )  # fmt: skip
    made = compare_protocols(pd.DataFrame(rows), curves).set_index("protocol")
    assert made.loc["published", "dice_half"] == 0.3
    assert made.loc["published", "linear_area"] == pytest.approx(0.4)
    assert made.loc["published", "visibility_90"] == pytest.approx(0.9)
    assert made.loc["design-zero", "dice_half"] == 0.5
    assert made.loc["design-zero", "dice_full"] == 1
    assert made.loc["design-zero", "parameters"] == 28529


def test_a_segmenter_that_finds_nothing_needs_no_visibility():
    key = {"model": "m", "target": "organ", "explainer": "u", "parameters": None, "pretrained": None}
    named = {"protocol": "published", "split": "validation", "dice": 0.0}
    rows = [{**key, **named, "threshold": t, "visibility": t or 0.5} for t in (0.5, 1.0, None)]
    made = compare_protocols(pd.DataFrame(rows), pd.DataFrame(columns=tables.CURVES.names))
    assert made.visibility_90.isna().all()


# The workflow


def test_a_protocol_without_cases_and_weights_that_are_no_file_are_told_before_anything_runs(tmp_path):
    project = Project(tmp_path, PROJECT / "tests" / "configs" / "paper.yaml")
    pancreas_task(tmp_path / "data", 7)
    config = copy.deepcopy(project.config)
    config["cases"]["split_shares"] = {"train": 0.7, "test": 0.3}
    project.write_config(config)
    project.cases()
    said = project.snakemake("--dry-run")
    assert "no case is in the split 'validation', which paper_protocols.published looks at" in said.stdout + said.stderr
    config["paper_protocols"] = {}
    config["segmenter"]["weights"] = "none.ckpt"
    project.write_config(config)
    said = project.snakemake("--dry-run")
    assert "none.ckpt: the weights of segmenter are no file" in said.stdout + said.stderr
    assert "Traceback" not in said.stdout + said.stderr


def pancreas_task(folder: Path, patients: int, slices: int = 14, side: int = 64) -> None:
    """A made task in the layout of Task07_Pancreas: ids with gaps, pancreas and cancer."""
    random = np.random.default_rng(5)
    listed = []
    for number in range(patients):
        name = f"pancreas_{3 * number + 1:03d}"
        voxels = random.normal(40, 20, (side, side, slices)).astype(np.float32)
        voxels[:6], voxels[-6:] = -1000, -1000
        label = np.zeros(voxels.shape, np.uint8)
        label[24:40, 20 + number : 36 + number, 3:10] = 1
        label[30:34, 24 + number : 28 + number, 5:7] = 2
        voxels[label > 0] += 150
        for kind, one in (("imagesTr", voxels), ("labelsTr", label)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            nib.save(nib.Nifti1Image(one, np.diag([0.8, 0.8, 2.5, 1])), folder / kind / f"{name}.nii.gz")
        listed.append({"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"})
    content = {"labels": {"0": "background", "1": "pancreas", "2": "cancer"}, "training": listed}
    (folder / "dataset.json").write_text(json.dumps(content))


@pytest.mark.slow
def test_the_published_experiment_runs_whole_in_miniature(tmp_path):
    project = Project(tmp_path, PROJECT / "tests" / "configs" / "paper.yaml")
    pancreas_task(tmp_path / "data", 7)
    said = project.cases()
    assert "none of the slices looked at shows a class" in said, "the first 60 slices are those of five scans"
    done = project.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    protocol = project.read("tables/paper_protocol.parquet")
    assert set(protocol.protocol) == {"published", "on-test", "all-mended"}
    published = protocol[protocol.protocol == "published"]
    assert set(published.explainer) >= {"u-noise-paper-small", "u-noise-paper-small-pretrained", "control-distance"}
    assert published.groupby("explainer").threshold.count().eq(21).all()
    assert set(protocol[protocol.protocol == "on-test"].explainer) >= {"grad-cam", "occlusion"}
    both = project.read("tables/protocols.parquet")
    assert {"published", "design-zero"} <= set(both.protocol)
    assert dict(zip(both.explainer, both.pretrained, strict=True))["u-noise-paper-small-pretrained"]
    runtime = project.read("tables/runtime.parquet")
    assert set(runtime.explainer) == set(project.config["explainers"])
    for name in ("paper_curves", "paper_sizes", "panel"):
        assert (project.results / "figures" / "pancreas" / f"{name}.png").stat().st_size > 10_000
    assert "published" in (project.results / "summary.md").read_text()
    window = json.loads((project.results / "window.json").read_text())
    image, _ = read_volume(next(project.results.glob("preprocessed/*/image.nii.gz")), "any")
    assert window[0] < -900
    assert image.shape[:2] == (32, 32)
    assert image.min() < 0.05
    assert "Nothing to be done" in (again := project.snakemake()).stdout + again.stderr


@pytest.mark.slow
def test_the_published_experiment_is_planned_at_full_size(tmp_path, monkeypatch):
    project = Project(tmp_path, PROJECT / "config" / "paper.yaml")
    project.environment["UNOISE_PANCREAS"] = "data"
    listed = []
    for number in range(281):
        name = f"pancreas_{number * 3 // 2 + 1:03d}"
        for kind in ("imagesTr", "labelsTr"):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            (tmp_path / "data" / kind / f"{name}.nii.gz").touch()
        listed.append({"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"})
    content = {"labels": {"0": "background", "1": "pancreas", "2": "cancer"}, "training": listed}
    (tmp_path / "data" / "dataset.json").write_text(json.dumps(content))
    rows = [
        Case(name, name, split, row["image"], row["label"], "pancreas=1;cancer=2", "", "3:40")
        for number, row in enumerate(listed)
        for name in [Path(row["image"]).name.split(".")[0]]
        for split in ["train" if number < 225 else "validation" if number < 253 else "test"]
    ]
    write_manifest(tmp_path / "config" / "cases" / "paper.tsv", rows)
    planned = project.planned()
    assert sum(one.startswith("Preprocessing") for one in planned) == 281
    assert sum(one.startswith("Training paper-") for one in planned) == 9, "six interpreters, three starts"
    assert "Looking for the smallest and largest value of the dataset" in planned
    assert sum(one.endswith("as published") for one in planned) == 12
