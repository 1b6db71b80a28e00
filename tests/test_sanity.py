"""Sanity: segmenters that lose what they learned, layer by layer or by labels of others, and the maps of them."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch
from made import CPU, random_segmenter, random_units, stored_case
from matplotlib.image import imread
from scipy.stats import rankdata

from unoise import estimate, tables
from unoise.compute import generator
from unoise.data.units import Units
from unoise.errors import UserError
from unoise.evaluation.alike import alike, alike_beside
from unoise.evaluation.sanity import changed, measure_sanity
from unoise.explainers.base import make_explainer
from unoise.networks.build import build_network
from unoise.networks.interpreter import Interpreter
from unoise.networks.models import save_model
from unoise.networks.randomise import layers, randomise
from unoise.networks.segmenter import Segmenter
from unoise.report.caveats import CARELESS, REGIONAL, sanity_mark
from unoise.report.sanity import sanity_section
from unoise.report.sanity_figure import draw_sanity
from unoise.statistics.sanity import by_change
from unoise.targets.class_target import ClassTarget
from unoise.training.patches import training_set
from unoise.training.permuted import lenders
from unoise.training.slices import CaseFiles
from unoise.training.validation import read_groups
from unoise.workflow.config import complete
from unoise.workflow.manifest import Case, write_manifest
from unoise.workflow.plan import Plan

COMPUTE = {"device": "cpu", "precision": "float32", "batch_size": 3, "case_threads": 1}
NETWORK = {"name": "UNet", "spatial_dims": 2, "input": "window", "channels": [4, 8], "strides": [2], "norm": "batch"}
CARD = {
    "network": NETWORK,
    "out_channels": 1,
    "classes": ["organ"],
    "window": [-160, 240],
    "training_data": {"body_mean": 0.3},
    "preprocess": {"shape": [16, 16, None]},
}


def stored_model(path, seed, network=NETWORK, **more):
    torch.manual_seed(seed)
    save_model(path, build_network(network, 1), CARD | {"network": network} | more)
    return path


# Random weights


def test_layers_go_from_the_output_to_the_input():
    plain = build_network({"name": "PlainUNet", "spatial_dims": 2, "input": "window", "depth": 2, "channels": 4}, 1)
    found = layers(plain, (8, 8))
    assert found[0] == "conv1x1.conv"
    assert found[1].startswith("ups.0.conv.1")
    assert found[-2:] == ["downs.0.0.adn.N", "downs.0.0.conv"]
    assert set(found) == {key.rpartition(".")[0] for key in plain.network.state_dict()}
    assert layers(random_segmenter(3).network, (16, 16, 8))[-1].startswith("model.0")


def test_a_layer_that_no_image_passes_is_the_deepest():
    network = random_segmenter(2).network
    network.network.unused = torch.nn.Linear(2, 2)
    assert layers(network, (16, 16))[-1] == "unused"


@pytest.mark.parametrize("dims", [2, 3])
def test_each_stage_resets_the_layers_from_the_output_on_and_no_other(dims):
    original, other = random_segmenter(dims), random_segmenter(dims)
    for value in other.network.network.state_dict().values():
        value += 1  # statistics of the normalisation too
    before = {key: value.clone() for key, value in original.network.network.state_dict().items()}
    names = layers(original.network, (16, 16, 8)[:dims])
    stages = list(changed(original, {"randomised": other}, 3, (16, 16, 8)[:dims]))
    assert [(one.check, one.stage) for one in stages] == [("randomised", number) for number in range(4)]
    assert stages[0].layer is None
    assert stages[3].layer == names[-1]
    for stage in stages:
        reset = names[: names.index(stage.layer) + 1] if stage.layer else []
        state = stage.segmenter.network.network.state_dict()
        different = {key.rpartition(".")[0] for key in before if not torch.equal(state[key], before[key])}
        assert different == set(reset)
    assert len({stage.layer for stage in stages}) == 4
    assert all(torch.equal(value, before[key]) for key, value in original.network.network.state_dict().items())


def test_there_are_no_more_stages_than_layers():
    original = random_segmenter(2)
    number = len(layers(original.network, (16, 16)))
    assert len(list(changed(original, {"randomised": random_segmenter(2)}, 99, (16, 16)))) == number + 1


def test_random_weights_are_seeded_and_leave_other_draws_alone(tmp_path):
    trained = stored_model(tmp_path / "trained.safetensors", 1)
    made = []
    for name, seed in (("one", 7), ("again", 7), ("other", 8)):
        out = {kind: tmp_path / f"{name}.{kind}" for kind in ("weights", "config", "card")}
        before = torch.random.get_rng_state()
        randomise({"segmenter": "segmenter-1", "seed": seed}, trained, out, COMPUTE)
        assert torch.equal(torch.random.get_rng_state(), before)
        made.append(Segmenter.load(out["weights"], CPU))
    states = [[*one.network.network.state_dict().values()] for one in (Segmenter.load(trained, CPU), *made)]
    same = [[all(map(torch.equal, one, other)) for other in states] for one in states]
    assert np.array(same).sum() == 6, "only the two of one seed are the same"
    assert same[1][2]
    assert made[0].body_mean == 0.3


# Permuted labels


@pytest.mark.parametrize("patients", ["ab", "abcdef", "aabbcc", "aaaab", "abcabca"])
def test_labels_are_lent_by_other_patients(patients):
    for seed in range(5):
        found = lenders(list(patients), seed)
        assert all(patients[lender] != patient for lender, patient in zip(found, patients, strict=True))
    if len(set(patients)) == len(patients):
        assert sorted(found) == list(range(len(patients)))
    assert lenders(list("abcdefgh"), 1) == lenders(list("abcdefgh"), 1) != lenders(list("abcdefgh"), 2)


@pytest.fixture
def training(tmp_path, save_nifti):
    """Two patients: a has six slices, of which the upper half shows the organ; b has four, of which the lowest does."""
    files = {kind: [] for kind in ("train_images", "train_labels", "train_bodies")}
    for patient, height, shown in (("a", 6, slice(3, 6)), ("b", 4, slice(0, 1))):
        voxels = {"images": np.full((8, 8, height), 0.1 * height, np.float32)}
        voxels["labels"] = np.zeros((8, 8, height), np.uint8)
        voxels["labels"][:4, :, shown] = 1
        voxels["bodies"] = np.ones((8, 8, height), np.uint8)
        for kind, one in voxels.items():
            files[f"train_{kind}"].append(save_nifti(tmp_path / f"{patient}_{kind}.nii.gz", one))
    return CaseFiles.of("train", [{"case": one, "patient": one} for one in "ab"], files)


@pytest.mark.parametrize("patch", [None, [8, 8, 4]])
def test_a_training_on_permuted_labels_gets_those_of_the_other_at_the_same_height(training, patch):
    own = {"patch": patch} if patch else {}
    usual, permuted = (
        training_set(training, {"seed": 1, "training": own | labels}) for labels in ({}, {"labels": "permuted"})
    )
    shows = []
    for data in (usual, permuted):
        volumes = [one[0, 0].movedim(-1, 0) for one in data.labels] if patch else data.labels[:, 0].split([6, 4])
        shows.append([one.flatten(1).any(1).int().tolist() for one in volumes])
    assert shows == [[[0, 0, 0, 1, 1, 1], [1, 0, 0, 0]], [[1, 0, 0, 0, 0, 0], [0, 0, 1, 1]]]
    for one, other in zip(usual.images, permuted.images, strict=True):
        assert torch.equal(one, other)


def test_true_labels_choose_no_epoch_of_a_training_on_permuted_ones(training):
    settings = {"validate_by": "patient"}
    assert len(read_groups(training, settings, CPU)) == 2
    assert read_groups(training, settings | {"labels": "permuted"}, CPU) == []


# Measurement


SETTINGS = {
    "key": {"model": "m", "target": "organ", "explainer": "e"},
    "target": {"class": "organ"},
    "min_voxels": 5,
    "seed": 7,
    "units": 2,
    "stages": 3,
}
ALL = ("segmenter", "randomised", "permuted")


@pytest.fixture
def measured(tmp_path):
    """Measures an explainer on patient a, with two scans, and b, in whom nothing is predicted."""
    models = {name: stored_model(tmp_path / f"{name}.safetensors", seed) for seed, name in enumerate(ALL)}
    segmenter = Segmenter.load(models.pop("segmenter"), CPU)

    def measure(method, interpreters=(), permuted=True, importance=None, air=False, **settings):
        explainer = {"method": method, "seed": 7, **settings}
        keys, files = [], {}
        for case, patient in (("a1", "a"), ("a2", "a"), ("b", "b")):
            units = random_units(segmenter)
            noise = torch.rand(units.probabilities.shape, generator=generator("prediction", case)) * (patient == "a")
            units = Units(case, units.index, units.images, noise, units.spacing)
            made = importance or (lambda units: explain(explainer, segmenter, units))
            body = torch.ones_like(units.images[:, 0])
            body[:, 8:] = 1 - float(air)
            volumes = {"label": 0 * body, "prediction_original": noise, "body": body, "importance": made(units)}
            for kind, path in stored_case(tmp_path / method / case, units, **volumes).items():
                files.setdefault(kind, []).append(path)
            keys.append({"case": case, "patient": patient, "split": "test"})
        out, chosen = tmp_path / "sanity.parquet", {k: models[k] for k in ALL[1:] if permuted or k != "permuted"}
        learned = dict(zip(chosen, interpreters, strict=False))
        first = tmp_path / "segmenter.safetensors"
        measure_sanity(SETTINGS | {"explainer": explainer}, first, chosen, learned, [], None, keys, files, out, COMPUTE)
        return tables.read(out, tables.SANITY)

    return measure


def explain(settings, segmenter, units):
    return make_explainer(settings, segmenter, ClassTarget("organ", 0), None, CPU).explain(units)


def test_a_map_that_ignores_the_weights_stays_the_same_and_is_marked(measured):
    found = measured("intensity")
    own = found[found.patient == "a"]
    assert list(zip(own.check, own.stage.fillna(-1), strict=True)) == [
        *(("randomised", stage) for stage in range(4)),
        ("permuted", -1),
    ]
    np.testing.assert_allclose(own[["rank_correlation", "overlap"]], 1)
    assert found[found.patient == "b"][["rank_correlation", "overlap"]].isna().all(axis=None)
    assert by_change(found).loc["e"].tolist() == [*[pytest.approx(1)] * 4, True, False]


def test_the_gradient_falls_as_the_weights_become_random(measured):
    found = measured("gradient")
    own = found[found.patient == "a"].set_index("stage")
    assert own.rank_correlation[0.0] == pytest.approx(1)
    assert own.layer[[1.0, 2.0, 3.0]].is_unique
    assert own.rank_correlation[3.0] < 0.5
    assert own.overlap[3.0] < 0.5
    assert (own[own.check == "permuted"].rank_correlation < 0.5).all()
    assert not by_change(found).loc["e", ["careless", "regional"]].any()


def test_all_are_explained_for_the_region_that_the_original_predicts(measured):
    found = measured("distance")
    np.testing.assert_allclose(found[found.patient == "a"].rank_correlation, 1)
    assert by_change(found).careless["e"], "there is nothing beside the region"


def anchored(tmp_path, seed):
    """An interpreter whose map is nearness to the region and a little of its own."""
    card = {"explains": ["organ"], "objective": {"anchor": "distance"}}
    return stored_model(tmp_path / f"anchored{seed}.safetensors", seed, **card)


def test_a_map_about_the_region_follows_it_where_the_rest_of_it_changes_and_does_not_care_where_it_stays(
    measured, tmp_path
):
    first, *others = (anchored(tmp_path, seed) for seed in (4, 5, 6))

    def importance(units):
        target, learned = ClassTarget("organ", 0), Interpreter.load(first, CPU)
        settings = {"method": "u_noise_visibility", "seed": 7}
        return make_explainer(settings, random_segmenter(2), target, learned, CPU).explain(units)

    for interpreters, mark in ((others, REGIONAL), ((first, first), CARELESS)):
        found = measured("u_noise_visibility", interpreters, importance=importance, interpreter="i")
        assert (found[found.patient == "a"].rank_correlation > 0.5).all()
        assert sanity_mark(by_change(found), "e") == mark


def test_alike_beside_is_the_partial_correlation():
    """Of maps that share nothing but a third one, near 0; of those that share more, what a regression leaves."""
    drawn = torch.randn(3, 4000, generator=generator("partial"))
    common, one, other = drawn[0], drawn[0] + 0.1 * drawn[1], drawn[0] + 0.1 * drawn[2]
    field = torch.zeros(4000)
    assert alike(one, other, field)[0] > 0.95
    assert abs(alike_beside(one, other, [common])) < 0.1
    assert alike_beside(one, one + 0.01 * drawn[2], [common, common]) > 0.9
    ranks = [rankdata(each) for each in (one, other, common)]
    between, first, second = (np.corrcoef(*pair)[0, 1] for pair in combinations(ranks, 2))
    expected = (between - first * second) / np.sqrt((1 - first**2) * (1 - second**2))
    assert alike_beside(one, other, [common]) == pytest.approx(expected)
    assert np.isnan(alike_beside(common.exp(), other, [common])), "nothing is left"
    assert np.isnan(alike_beside(field, other, [common]))
    assert alike_beside(one, other, [field]) == pytest.approx(between), "no region, nothing to take out"


def test_only_the_body_is_compared(measured):
    """Outside of it the original map is turned over."""

    def turned(units):
        maps = units.images[:, 0].clone()
        maps[:, 8:] *= -1
        return maps

    assert measured("intensity", importance=turned).rank_correlation.min() < 0.9
    inside = measured("intensity", importance=turned, air=True)
    np.testing.assert_allclose(inside[inside.patient == "a"].rank_correlation, 1)


def test_a_constant_map_is_like_none(measured):
    found = measured("intensity", importance=lambda units: torch.ones_like(units.images[:, 0]))
    assert found[["rank_correlation", "partial_correlation", "overlap"]].isna().all(axis=None)
    assert not by_change(found).careless.any()


def test_interpreters_trained_again_have_the_last_stage_alone(measured, tmp_path):
    card = {"explains": ["organ"], "objective": {"anchor": "none"}}
    files = [stored_model(tmp_path / f"interpreter{seed}.safetensors", seed, **card) for seed in (5, 6)]
    importance = lambda units: units.images[:, 0]  # noqa: E731
    found = measured("u_noise_visibility", files, importance=importance, interpreter="i")
    own = found[found.patient == "a"]
    assert own.check.tolist() == ["randomised", "permuted"]
    assert own.stage.tolist()[0] == 3
    assert own.rank_correlation.nunique() == 2, "each by its own interpreter"
    assert len(measured("u_noise_visibility", files, False, importance=importance, interpreter="i")) == 2


# Plan


@pytest.fixture
def plan(tmp_path, plain_config):
    """Makes the plan of a config with some changes."""
    splits = ("train", "train", "test")
    cases = [Case(f"c{n}", f"c{n}", split, "image", "label", "liver=1") for n, split in enumerate(splits)]
    write_manifest(tmp_path / "config" / "cases" / "tiny.tsv", cases)
    plain_config["interpreters"] = {
        "ours": {"start": "segmenter", "objective": {"method": "visibility"}, "training": {"epochs": 5}},
        "paper": {
            "network": {"name": "UNet", "channels": [4, 8], "strides": [2]},
            "objective": {"method": "paper"},
            "pretraining": {"epochs": 1},
        },
    }
    plain_config["explainers"] |= {
        "u-noise": {"method": "u_noise_visibility", "interpreter": "ours"},
        "u-noise-paper": {"method": "u_noise", "interpreter": "paper"},
        "expected": {"method": "expected_gradients"},
    }

    def make(**changes) -> Plan:
        return Plan(complete(plain_config | {"phantom": {"patients": len(cases)}} | changes), tmp_path)

    make.cases = cases
    return make


ASKED = {"explainers": ["u-noise", "u-noise-paper", "expected", "control-random"]}


def test_the_check_changes_no_model_and_no_contest(plan):
    before, after = plan(), plan(sanity=ASKED)
    assert before.sanity_tables == []
    assert after.sanity_tables == ["results/tiny/tables/sanity.parquet"]
    for unchanged in ("trained", "segmenters", "interpreters", "explainer_groups", "evaluation_groups"):
        assert getattr(after, unchanged) == getattr(before, unchanged)
    assert not {*after.sanity_models.values(), *after.sanity_retrainings} & {*after.trained}
    drawn = set(after.figures.values()) - set(before.figures.values())
    assert drawn == {"results/tiny/figures/liver/sanity.png"}


def test_the_permuted_segmenter_differs_by_its_labels_alone(plan):
    made = plan(sanity=ASKED)
    settings = made.segmenter_settings
    assert "labels" not in settings["training"]
    assert made.permuted_settings == settings | {"training": settings["training"] | {"labels": "permuted"}}
    assert set(plan(sanity=ASKED | {"permuted": False}).sanity_models) == {"randomised"}


def test_interpreters_are_trained_against_these_segmenters_and_start_from_nothing_true(plan):
    made = plan(sanity=ASKED)
    found = {(one.first.split("-")[0], one.settings["segmenter"]): (model, one.settings)
             for model, one in made.sanity_retrainings.items()}  # fmt: skip
    assert set(found) == {(key, model) for key in ("ours", "paper") for model in made.sanity_models.values()}
    for (key, segmenter), (model, settings) in found.items():
        weights = f"results/tiny/models/{segmenter}/model.safetensors"
        assert made.sanity_segmenter(model) == weights
        assert made.sanity_start(model) == ([weights] if key == "ours" else [])
        assert settings["training"].get("labels") == ("permuted" if segmenter.startswith("permuted") else None)
        assert made.sanity_input("u-noise" if key == "ours" else "u-noise-paper")[
            f"interpreter_{segmenter.split('-')[0]}"
        ].endswith(f"{model}/model.safetensors")
    assert {"randomised", "permuted", "reference_0"} < set(made.sanity_input("expected"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sanity": {"explainers": ["u-nose"]}}, r"sanity\.explainers: 'u-nose' is no entry of `explainers`"),
        (
            {
                "sanity": {"explainers": ["u-noise"]},
                "interpreters": {
                    "ours": {"start": "segmenter", "objective": {"method": "visibility"}, "training": {"epochs": 0}}
                },
                "explainers": {"u-noise": {"method": "u_noise_visibility", "interpreter": "ours"}},
            },
            "the interpreter of 'u-noise' is not trained",
        ),
    ],
)
def test_what_cannot_be_checked_is_refused(plan, changes, message):
    with pytest.raises(UserError, match=message):
        plan(**changes)


def test_a_segmenter_that_is_not_trained_is_not_trained_on_permuted_labels(plan, plain_config, tmp_path):
    (tmp_path / "w.pt").touch()
    plain_config["segmenter"] |= {"weights": str(tmp_path / "w.pt"), "training": {"epochs": 0}}
    with pytest.raises(UserError, match=r"sanity\.permuted: the segmenter is not trained here"):
        plan(sanity=ASKED)
    assert plan(sanity=ASKED | {"permuted": False}).sanity_models


def test_one_training_patient_has_nobody_to_lend_labels(plan, tmp_path):
    write_manifest(tmp_path / "config" / "cases" / "tiny.tsv", plan.cases[1:])
    with pytest.raises(UserError, match="one is too few"):
        plan(sanity=ASKED, phantom={"patients": 2})
    plan(sanity=ASKED | {"permuted": False}, phantom={"patients": 2})


def test_the_estimate_counts_passes_and_trainings(plan, monkeypatch):
    for rate in ("forward_rate", "training_rate"):
        monkeypatch.setattr(estimate, rate, lambda config: 100.0)
    before, after = (estimate.estimate_run(one) for one in (plan(), plan(sanity=ASKED)))
    assert "training 3 segmentation" not in before
    assert "training 2 interpreter(s)" in before
    assert "training 6 interpreter(s)" in after
    assert "training 2 segmentation network(s)" in before
    assert "training 3 segmentation network(s)" in after

    def explained(text: str) -> int:
        return next(int(line.split("explaining, ")[1].split()[0].replace(",", "")) for line in text.splitlines()
                    if "explaining" in line)  # fmt: skip

    more = explained(estimate.estimate_run(plan(sanity=ASKED | {"stages": 7}))) - explained(after)
    passes = [plan().method(key).load().EXPLAINER.passes(plan().config["explainers"][key], (128, 128))
              for key in ("expected", "control-random")]  # fmt: skip
    assert more == 2 * sum(passes), "two units of the test case, for one stage more"


# Summary


@pytest.fixture
def sanity():
    rows = [
        {"model": "m", "target": "liver", "explainer": explainer, "patient": patient, "check": check, "stage": stage,
         "layer": layer, "rank_correlation": value, "overlap": value,
         "partial_correlation": 0.2 if explainer == "u-noise-paper" else value}
        for explainer, values in (
            ("gradient", (1, 0.6, 0.2, 0.1)), ("control-edges", (1, 1, 1, 1)), ("u-noise", (None, None, 0.3, 0.7)),
            ("u-noise-paper", (None, None, 0.6, 0.3)),
            ("eigen-cam", (1, 0.9, np.nan, np.nan)),
        )
        for (check, stage, layer), value in zip(
            [("randomised", 0, None), ("randomised", 1, "out"), ("randomised", 2, "in"), ("permuted", None, None)],
            values, strict=True)
        if value is not None
        for patient in "ab"
    ]  # fmt: skip
    return pd.DataFrame(rows)[tables.SANITY.names]


EXPLAINERS = {key: {"method": "gradient"} for key in ("gradient", "eigen-cam", "rise", "control-edges")}
EXPLAINERS |= {key: {"method": "u_noise", "interpreter": "i"} for key in ("u-noise", "u-noise-paper")}
EXPLAINERS |= {"theirs": {"method": "external", "folder": "maps"}}


def test_the_summary_marks_what_does_not_care_and_what_follows_the_region(sanity):
    text = "\n".join(sanity_section(sanity, EXPLAINERS))
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    beside = ["all, beside the region", "permuted, beside the region"]
    assert lines[0] == ["explainer", "1 of 2", "2 of 2", "permuted labels", *beside, "mark"]
    assert lines[2:] == [
        ["u-noise", "-", "0.30 (0.30)", "0.70 (0.70)", "0.30", "0.70", "does not care"],
        ["u-noise-paper", "-", "0.60 (0.60)", "0.30 (0.30)", "0.20", "0.20", "follows the region"],
        ["eigen-cam", "0.90 (0.90)", "-", "-", "-", "-", ""],
        ["gradient", "0.60 (0.60)", "0.20 (0.20)", "0.10 (0.10)", "0.20", "0.10", ""],
        ["control-edges", "1.00 (1.00)", "1.00 (1.00)", "1.00 (1.00)", "1.00", "1.00", "does not care"],
    ]
    assert "u-noise, control-edges: the rank correlation stays above 0.5, beside the region too" in text
    assert "u-noise-paper: the rank correlation stays above 0.5, but not beside the region" in text
    assert "Interpreters were trained again" in text
    caring = sanity_section(sanity[sanity.explainer == "gradient"], {"gradient": EXPLAINERS["gradient"]})
    assert caring[-1] == "No rank correlation stays above 0.5."
    assert "Interpreters were trained again" not in "".join(caring)


def test_the_summary_names_what_was_not_checked(sanity):
    said = sanity_section(sanity, EXPLAINERS)[-1]
    assert said == (
        "Sanity: not checked for rise (not named under `sanity`); theirs (made elsewhere: cannot be made again)."
    )


def test_the_figure_shows_the_stages(sanity, tmp_path):
    draw_sanity(sanity, tmp_path / "one.png")
    draw_sanity(sanity.assign(rank_correlation=1 - sanity.rank_correlation), tmp_path / "other.png")
    one, other = (imread(tmp_path / f"{name}.png") for name in ("one", "other"))
    assert not np.array_equal(one, other)
    draw_sanity(sanity.assign(rank_correlation=np.nan), tmp_path / "none.png")
