"""Stability: how alike the maps of one interpreter trained with several seeds are, and that nothing else uses them."""

import numpy as np
import pandas as pd
import pytest
import torch
from made import CPU, bright_segmenter, square_units, stored_case
from torch import Tensor, nn

from unoise import estimate, tables
from unoise.errors import UserError
from unoise.evaluation.shown import Shown
from unoise.evaluation.stability import compare, measure_stability
from unoise.networks.build import INPUTS, Normalised
from unoise.networks.interpreter import Interpreter
from unoise.networks.segmenter import Segmenter
from unoise.report.stability import stability_section
from unoise.workflow.config import complete
from unoise.workflow.manifest import Case, write_manifest
from unoise.workflow.plan import Plan
from unoise.workflow.stability_plan import StabilityPlan

# Comparison: slices of 10 x 10 voxels, of which the ten most important are compared.


def shown(count: int = 1) -> Shown:
    units = square_units(bright_segmenter(), side=10, count=count)
    return Shown(torch.ones(count, dtype=torch.bool), units, units.images[:, 0] > 0.5, units.images[:, 0])


RISING = torch.arange(100, dtype=torch.float32).reshape(1, 10, 10)


def numbers(one: Tensor, other: Tensor) -> tuple[float, float]:
    (row,) = compare(shown(), {7: one, 1: other}, seed=7)
    assert (row["seed"], row["other_seed"]) == (7, 1)
    return row["rank_correlation"], row["overlap"]


def test_only_the_order_of_a_map_counts():
    assert numbers(RISING, RISING.sqrt() - 3) == pytest.approx((1, 1))
    assert numbers(RISING, -RISING) == pytest.approx((-1, 0))


def test_the_overlap_is_of_the_ten_percent_that_are_most_important():
    other = RISING.clone()
    other.view(-1)[90:94] = -1 - torch.arange(4)
    correlation, overlap = numbers(RISING, other)
    assert overlap == pytest.approx(0.6)
    assert correlation == pytest.approx(pd.Series(RISING.flatten()).corr(pd.Series(other.flatten()), method="spearman"))


def test_tied_voxels_count_as_tied_and_a_constant_map_has_no_correlation():
    steps = (RISING / 20).floor()
    expected = pd.Series(RISING.flatten()).corr(pd.Series(steps.flatten()), method="spearman")
    assert numbers(RISING, steps)[0] == pytest.approx(expected)
    correlation, overlap = numbers(RISING, torch.zeros_like(RISING))
    assert np.isnan(correlation)
    assert 0 <= overlap <= 0.5


def test_each_map_meets_each_in_each_slice():
    maps = {seed: torch.randn(3, 10, 10) for seed in (7, 1, 2)}
    rows = pd.DataFrame(compare(shown(3), maps, seed=7))
    assert rows.groupby(["seed", "other_seed"]).size().to_dict() == {(7, 1): 3, (7, 2): 3, (1, 2): 3}


# Measurement


class Ramp(nn.Module):
    """An interpreter whose map rises along the first axis, or falls."""

    def __init__(self, slope: float):
        super().__init__()
        self.slope = slope

    def forward(self, images: Tensor) -> Tensor:
        return self.slope * torch.arange(images.shape[2]).reshape(1, 1, -1, 1).float().expand_as(images) + 0 * images


COMPUTE = {"device": "cpu", "precision": "float32", "batch_size": 3, "case_threads": 1}
SETTINGS = {
    "key": {"model": "m", "target": "organ", "explainer": "e"},
    "explainer": {"method": "u_noise_visibility", "interpreter": "i", "seed": 7},
    "target": {"class": "organ"},
    "min_voxels": 5,
    "seed": 7,
    "seeds": [1, 2],
}


def test_the_first_map_and_those_of_the_interpreters_are_compared_by_patient(tmp_path, monkeypatch):
    """Patient a has two scans, b none of whose slices is evaluated; the interpreter of seed 2 turns the map over."""
    segmenter, card = bright_segmenter(), {"classes": ["organ"], "explains": ["organ"]}
    card["objective"] = {"anchor": "none"}
    monkeypatch.setattr(Segmenter, "load", lambda path, compute: segmenter)
    ramps = {"one": Ramp(3), "two": Ramp(-1)}
    monkeypatch.setattr(
        Interpreter, "load", lambda path, compute: Interpreter(Normalised(ramps[path], *INPUTS["window"], 2), card, CPU)
    )
    keys, files = [], {}
    for case, patient in (("a1", "a"), ("a2", "a"), ("b", "b")):
        units = square_units(segmenter)
        seen = float(patient == "a")
        volumes = {"label": 0 * units.images[:, 0], "prediction_original": seen * units.probabilities}
        stored = stored_case(tmp_path / case, units, importance=Ramp(1)(units.images)[:, 0], **volumes)
        for kind, path in stored.items():
            files.setdefault(kind, []).append(path)
        keys.append({"case": case, "patient": patient, "split": "test"})
    out = tmp_path / "stability.parquet"
    measure_stability(SETTINGS, "segmenter", ["one", "two"], keys, files, out, COMPUTE)
    rows = tables.read(out, tables.STABILITY).set_index(["patient", "seed", "other_seed"])
    assert set(rows.index) == {(patient, *pair) for patient in "ab" for pair in ((7, 1), (7, 2), (1, 2))}
    assert rows.loc["a"].rank_correlation.to_dict() == pytest.approx({(7, 1): 1, (7, 2): -1, (1, 2): -1})
    assert rows.loc["a"].overlap.to_dict() == pytest.approx({(7, 1): 1, (7, 2): 0, (1, 2): 0})
    assert rows.loc["b"][["rank_correlation", "overlap"]].isna().all(axis=None)


# Plan


@pytest.fixture
def plan(tmp_path, plain_config):
    """Makes the plan of a config with some changes."""
    cases = [Case(f"c{n}", f"c{n}", split, "image", "label", "liver=1") for n, split in enumerate(("train", "test"))]
    write_manifest(tmp_path / "config" / "cases" / "tiny.tsv", cases)
    plain_config["interpreters"] = {
        "paper": {
            "network": {"name": "UNet", "channels": [4, 8], "strides": [2]},
            "objective": {"method": "paper"},
            "pretraining": {"epochs": 1},
            "training": {"epochs": 5},
        }
    }
    plain_config["explainers"] |= {
        "u-noise": {"method": "u_noise", "interpreter": "paper"},
        "occlusion": {"method": "occlusion"},
    }

    def make(**changes) -> Plan:
        return Plan(complete(plain_config | {"phantom": {"patients": 2}} | changes), tmp_path)

    return make


AGAIN = {"explainers": ["u-noise"], "seeds": [1, 2]}


def test_retrained_interpreters_are_no_contestants_and_change_nothing(plan):
    before, after = plan(), plan(stability=AGAIN)
    assert isinstance(after, StabilityPlan)
    assert before.stability_tables == []
    assert after.stability_tables == ["results/tiny/tables/stability.parquet"]
    assert not set(after.retrainings) & set(after.trained)
    for unchanged in ("trained", "segmenters", "interpreters", "explainer_groups", "evaluation_groups", "figures"):
        assert getattr(after, unchanged) == getattr(before, unchanged)


def test_an_interpreter_that_is_not_trained_is_not_trained_again(plan, plain_config):
    plan(stability=AGAIN)
    paper = plain_config["interpreters"]["paper"]
    del paper["pretraining"]
    paper |= {"weights": "w.pt", "training": {"epochs": 0}}
    with pytest.raises(UserError, match="the interpreter of 'u-noise' is not trained"):
        plan(stability=AGAIN)


def test_another_training_differs_by_its_seed_alone(plan):
    made = plan(stability=AGAIN)
    first = made.interpreter("u-noise")
    settings = made.interpreter_settings("paper")
    assert [one.settings for one in made.retrainings.values()] == [settings | {"seed": seed} for seed in (1, 2)]
    assert {one.first for one in made.retrainings.values()} == {first}
    assert settings["start"].startswith("paper-start-")
    assert made.retrained_weights("u-noise") == [
        f"results/tiny/models/{model}/model.safetensors" for model in made.retrainings
    ]
    again = plan(stability=AGAIN | {"seeds": [2, 3]})
    assert len(set(made.retrainings) & set(again.retrainings)) == 1, "a model is known by its seed"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"explainers": ["u-nose"]}, r"stability\.explainers: 'u-nose' is no entry of `explainers`"),
        ({"explainers": ["occlusion"]}, r"stability\.explainers: 'occlusion' has no interpreter to train again"),
        (AGAIN | {"seeds": [1, 2101]}, r"stability\.seeds: 2101 is the config's own seed"),
    ],
)
def test_what_cannot_be_trained_again_is_refused(plan, asked, message):
    with pytest.raises(UserError, match=message):
        plan(stability=asked)


def test_the_default_seeds_are_no_fault_where_nothing_is_trained_again(plan):
    assert plan(seed=1).retrainings == {}


def test_the_estimate_counts_the_trainings(plan, monkeypatch):
    for rate in ("forward_rate", "training_rate"):
        monkeypatch.setattr(estimate, rate, lambda config: 100.0)
    before, after = estimate.estimate_run(plan()), estimate.estimate_run(plan(stability=AGAIN))
    assert "training 1 interpreter(s)" in before
    assert "training 3 interpreter(s)" in after


# Summary


def test_the_summary_shows_the_means_the_least_pair_and_who_is_deterministic():
    rows = pd.DataFrame(
        [
            {"model": "m", "target": "liver", "explainer": "u-noise", "seed": one, "other_seed": other,
             "patient": patient, "rank_correlation": value, "overlap": value / 2}
            for one, other, values in ((7, 1, (0.9, 0.9)), (7, 2, (0.8, 0.6)), (1, 2, (0.72, None)))
            for patient, value in zip("ab", values, strict=True) if value
        ]
    )[tables.STABILITY.names]  # fmt: skip
    explainers = {
        "occlusion": {"method": "occlusion"},
        "u-noise": {"method": "u_noise", "interpreter": "i"},
        "u-noise-paper": {"method": "u_noise", "interpreter": "j"},
        "theirs": {"method": "external"},
    }
    text = "\n".join(stability_section(rows, explainers))
    assert text.endswith(
        "Stability: not checked for u-noise-paper (not named under `stability`); "
        "theirs (made elsewhere: cannot be made again)."
    )
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    assert lines[2:] == [
        ["u-noise", "3", "0.78 (0.70, seeds 7 and 2)", "0.39 (0.35, seeds 7 and 2)"],
        ["occlusion", "-", "deterministic", "deterministic"],
    ]


def test_the_summary_has_a_hyphen_where_nothing_was_compared():
    row = {"model": "m", "target": "liver", "explainer": "u-noise", "seed": 7, "other_seed": 1, "patient": "a"}
    rows = pd.DataFrame([row | {"rank_correlation": np.nan, "overlap": np.nan}])[tables.STABILITY.names]
    assert "- (-)" in stability_section(rows, {})[2]
