"""Judges: which there are, what they are trained from, and what they say of the same obscured images."""

import re

import pytest
import torch
from made import Bright, bright_segmenter, made_segmenter, square_units, stored_case
from torch import nn

from unoise import estimate, tables
from unoise.evaluation.evaluate import EvaluateCases
from unoise.networks.segmenter import Segmenter
from unoise.workflow.config import complete
from unoise.workflow.manifest import SPLITS, Case, write_manifest
from unoise.workflow.plan import Plan

JUDGES = {
    "tolerant": {"start": "segmenter", "training": {"epochs": 2, "augmentation": "obscured"}},
    "other": {"network": {"name": "BasicUNet"}, "seed": 9, "training": {"epochs": 3}},
}

# Plan


@pytest.fixture
def plan(tmp_path, plain_config):
    """Makes the plan of a config with some changes, for six phantoms."""
    cases = [
        Case(f"p{number}", f"p{number}", split, "image", "label", "liver=1")
        for number, split in enumerate(("train", "train", "validation", "calibration", "test", "test"))
    ]
    write_manifest(tmp_path / "config" / "cases" / "tiny.tsv", cases)
    plain_config["interpreters"] = {"paper": {"network": {"name": "UNet"}, "objective": {"method": "paper"}}}
    plain_config["explainers"]["u-noise"] = {"method": "u_noise", "interpreter": "paper"}

    def make(**changes) -> Plan:
        return Plan(complete(plain_config | {"phantom": {"patients": 6}} | changes), tmp_path)

    return make


def test_without_judges_the_segmenter_alone_judges(plan):
    alone = plan()
    assert alone.judges == {"original": alone.segmenter}
    assert alone.predicted == {alone.segmenter: SPLITS}
    assert list(alone.segmenters) == [alone.segmenter]
    assert set(alone.curve_figures) == {"agreement", "dice"}
    assert set(alone.judge_input(["p4"])) == {"judge_original", "prediction_original"}


def test_judges_change_neither_segmenter_nor_interpreter_nor_any_map(plan):
    alone, judged = plan(), plan(judges=JUDGES)
    assert judged.segmenter == alone.segmenter
    assert judged.interpreters == alone.interpreters
    assert judged.explained("{model}/{target}/{explainer}/{case}") == alone.explained(
        "{model}/{target}/{explainer}/{case}"
    )
    assert set(judged.trained) - set(alone.trained) == {judged.judges["tolerant"], judged.judges["other"]}


def test_a_copy_starts_from_the_segmenter_and_another_network_from_nothing(plan):
    judged = plan(judges=JUDGES)
    tolerant, other = (judged.judges[name] for name in ("tolerant", "other"))
    assert judged.start_weights(tolerant) == [f"{judged.root}/models/{judged.segmenter}/model.safetensors"]
    assert judged.start_weights(other) == []
    assert judged.segmenters[tolerant]["network"] == judged.config["segmenter"]["network"]
    assert judged.segmenters[tolerant]["training"]["augmentation"] == "obscured"
    assert judged.segmenters[other]["network"]["name"] == "BasicUNet"
    assert judged.segmenters[other]["seed"] == 9
    assert judged.segmenters[other]["learned"] == ["liver"]


def test_a_judges_name_follows_all_that_decides_what_it_learns(plan):
    before = plan(judges=JUDGES).judges
    longer = plan(judges=JUDGES | {"other": JUDGES["other"] | {"training": {"epochs": 4}}}).judges
    assert longer["tolerant"] == before["tolerant"]
    assert longer["other"] != before["other"]
    segmenter = {"network": {"name": "UNet", "channels": [4, 8], "strides": [2]}, "training": {"epochs": 5}}
    further = plan(judges=JUDGES, segmenter=segmenter).judges
    assert further["tolerant"] != before["tolerant"], "a copy is another one when the segmenter is"
    assert further["other"] == before["other"]


def test_a_judge_predicts_the_cases_that_are_evaluated(plan, plain_config):
    judged = plan(judges=JUDGES)
    assert judged.predicted[judged.judges["tolerant"]] == ("validation", "test")
    without_controls = plan(judges=JUDGES, explainers={"u-noise": plain_config["explainers"]["u-noise"]})
    assert without_controls.predicted[without_controls.judges["other"]] == ("test",)
    scores = judged.predictions("{model}/{case}")
    assert sum(judged.segmenter in path for path in scores) == 6
    assert sum("/other-" in path for path in scores) == 3


def test_the_estimate_counts_their_trainings_and_what_they_are_shown(plan, monkeypatch):
    for rate in ("forward_rate", "training_rate"):
        monkeypatch.setattr(estimate, rate, lambda config: 100.0)

    def counted(text: str, what: str) -> int:
        return int(re.search(rf"{what} ([\d,]+) (slices|forward)", text)[1].replace(",", ""))

    alone, judged = estimate.estimate_run(plan()), estimate.estimate_run(plan(judges=JUDGES))
    assert "training 1 segmentation network(s)" in alone
    assert "training 3 segmentation network(s)" in judged
    segmenter = plan().config["segmenter"]["training"]["epochs"]
    more = counted(judged, r"segmentation network\(s\),") / counted(alone, r"segmentation network\(s\),")
    assert more == pytest.approx((segmenter + 2 + 3) / segmenter, rel=0.01)
    assert counted(judged, "evaluating,") == pytest.approx(3 * counted(alone, "evaluating,"), rel=0.01)


# Evaluation


class Recorder(nn.Module):
    """Keeps what a network is shown."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network, self.seen = network, []

    def forward(self, images):
        self.seen.append(images.clone())
        return self.network(images)


SETTINGS = {
    "key": {"model": "m", "target": "organ", "explainer": "e"},
    "target": {"class": "organ"},
    "obscurers": {"mean": {}, "noise": {"sigma_hu": 400}},
    "kept_first": [0.01, 0.25, 1.0],
    "removed_first": [0.99, 0.0],
    "min_voxels": 5,
    "seed": 7,
}
COMPUTE = {"device": "cpu", "precision": "float32", "batch_size": 3, "case_threads": 1}
KEY = {"case": "made", "patient": "p", "split": "test"}


@pytest.fixture
def evaluated(tmp_path, monkeypatch):
    """Evaluates a map of a case with some judges; gives the rows and what each judge was shown.

    The label is in slices 0 and 1; slice 2 is like them but unlabelled, and slice 3 is dark.
    """
    units = square_units(bright_segmenter(), count=4)
    units.images[3] = 0.2
    units.probabilities[3] = 0.0
    label = (units.images[:, 0] > 0.5).to(torch.uint8)
    label[2] = 0
    importance = torch.rand(label.shape, generator=torch.Generator().manual_seed(0))

    def evaluate(**judges: float):
        networks = {
            f"judge_{name}": made_segmenter(Recorder(Bright(one)).eval().requires_grad_(False))
            for name, one in judges.items()
        }
        monkeypatch.setattr(Segmenter, "load", lambda path, compute: networks[path])
        clean = {f"prediction_{name}": units.probabilities for name in judges}
        if "narrow" in judges:
            clean["prediction_narrow"] = torch.zeros_like(units.probabilities)
            clean["prediction_narrow"][:, 0, 10:13, 10:13] = 0.9
        if "empty" in judges:
            clean["prediction_empty"] = torch.zeros_like(units.probabilities)
        files = stored_case(tmp_path, units, label=label, importance=importance, **clean)
        EvaluateCases(SETTINGS, {name: name for name in networks}, COMPUTE)(
            KEY, files, {"metrics": tmp_path / "metrics.parquet"}
        )
        rows = tables.read(tmp_path / "metrics.parquet", tables.METRICS)
        seen = {name: torch.cat(network.network.network.seen) for name, network in networks.items()}
        return rows, seen

    return evaluate


def test_all_judges_see_the_same_images_made_once(evaluated):
    rows, seen = evaluated(original=0.5, narrow=0.7)
    assert torch.equal(seen["judge_original"], seen["judge_narrow"])
    assert len(seen["judge_original"]) * 2 == len(rows) == 2 * 2 * 5 * 3


def test_a_judge_is_compared_with_its_own_clean_prediction(evaluated):
    rows, _ = evaluated(original=0.5, narrow=0.7)
    original, narrow = (rows[rows.judge == judge].reset_index(drop=True) for judge in ("original", "narrow"))
    assert set(original.clean) == set(original[original.visibility == 1].obscured)
    assert set(narrow.clean) == {9}
    full = narrow[narrow.visibility == 1]
    assert (full.obscured > 9).all()
    assert (full.obscured_clean == 9).all()
    same = ["unit", "obscurer", "order", "visibility", "voxels", "visible", "body", "visible_body", "label"]
    assert original[same].equals(narrow[same])


def test_the_label_or_the_original_decides_which_slices_are_evaluated(evaluated):
    rows, _ = evaluated(original=0.5, narrow=0.7)
    assert set(rows.unit) == {0, 1, 2}, "what the other judge finds in slice 3 does not count"
    rows, _ = evaluated(original=0.5, empty=0.5)
    assert set(rows[rows.judge == "empty"].unit) == {0, 1, 2}


def test_another_judge_changes_no_row_of_the_original(evaluated):
    alone, _ = evaluated(original=0.5)
    both, _ = evaluated(original=0.5, narrow=0.7)
    assert both[both.judge == "original"].reset_index(drop=True).equals(alone)
