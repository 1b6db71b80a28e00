"""Configs: those shipped are whole, a mistake is one line that says where and what, defaults are filled in."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from unoise.errors import UserError
from unoise.workflow.config import complete, read_config

REPOSITORY = Path(__file__).parents[1]
SHIPPED = sorted([*REPOSITORY.glob("config/*.yaml"), *REPOSITORY.glob("tests/configs/*.yaml")])


@pytest.fixture(autouse=True)
def _dataset_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("UNOISE_ABDOMEN_CT", str(tmp_path))
    monkeypatch.setenv("UNOISE_PANCREAS", str(tmp_path))


@pytest.fixture
def default() -> dict:
    """The default config, and a judge."""
    config = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text(encoding="utf-8"))
    return config | {"judges": {"tolerant": {"start": "segmenter", "training": {"augmentation": "obscured"}}}}


@pytest.fixture
def refused(tmp_path, save_yaml):
    """The one line that reading a config gives."""

    def read(content: object) -> str:
        path = save_yaml(tmp_path / "mine.yaml", content)
        with pytest.raises(UserError) as raised:
            read_config(path)
        text = str(raised.value)
        assert "\n" not in text
        assert text.startswith(f"{path}: ")
        return text

    return read


def entry(config: dict, place: str) -> dict:
    for key in filter(None, place.split(".")):
        config = config[key]
    return config


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_config_is_complete_and_named_as_its_file(path):
    config = read_config(path)
    assert config["experiment"] == ("phantom" if path.stem == "config" else path.stem.replace("_", "-"))


def test_there_are_shipped_configs():
    assert {"config", "phantom_full", "abdomen_ct", "miniature"} <= {path.stem for path in SHIPPED}


@pytest.mark.parametrize(
    ("place", "right", "wrong"),
    [
        ("", "seed", "sead"),
        ("", "segmenter", "segmentr"),
        ("phantom", "patients", "patient"),
        ("cases", "split_shares", "splitshares"),
        ("cases.split_shares", "validation", "valdation"),
        ("targets.pancreas", "class", "clas"),
        ("preprocess", "window", "windows"),
        ("segmenter", "training", "trainig"),
        ("segmenter.network", "name", "nam"),
        ("segmenter.training", "learning_rate", "learnig_rate"),
        ("judges.tolerant", "start", "strat"),
        ("judges.tolerant.training", "augmentation", "augmentatoin"),
        ("interpreters.paper-small", "objective", "objectiv"),
        ("interpreters.paper-small.objective", "noise_min", "noise_mim"),
        ("explainers.occlusion", "stride", "strid"),
        ("explainers.occlusion", "method", "metod"),
        ("explainers.grad-cam", "layer", "layr"),
        ("evaluation", "obscurers", "obscurer"),
        ("evaluation.obscurers.noise", "sigma_hu", "sigma_hi"),
        ("compute", "cases_per_job", "case_per_job"),
    ],
)
def test_mistyped_key_names_place_and_close_match(default, refused, place, right, wrong):
    there = entry(default, place)
    there[wrong] = there.pop(right)
    text = refused(default)
    assert f"{place or 'the config'}: " in text
    assert f"no setting {wrong!r}" in text
    assert f"Did you mean {right!r}" in text


def test_key_like_no_other_lists_those_there_are(default, refused):
    default["evaluation"]["obscurers"]["noise"]["zzz"] = 1
    assert "Known here: sigma_hu" in refused(default)


def test_setting_of_another_method_is_refused(default, refused):
    default["explainers"]["control-random"]["patch"] = 3
    assert "explainers.control-random: there is no setting 'patch'" in refused(default)


@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        ("", "seed", -1),
        ("phantom", "patients", 0),
        ("cases.split_shares", "train", 1.5),
        ("segmenter.training", "epochs", -1),
        ("segmenter.training", "learning_rate", 0),
        ("segmenter.training", "background_share", 1),
        ("interpreters.paper-small.training", "batch_size", 0),
        ("interpreters.paper-small.objective", "ratio", -0.5),
        ("explainers.occlusion", "stride", 0),
        ("evaluation.obscurers.noise", "sigma_hu", 0),
        ("evaluation", "resamples", 3),
        ("compute", "cases_per_job", 0),
    ],
)
def test_value_out_of_range(default, refused, place, key, value):
    entry(default, place)[key] = value
    text = refused(default)
    assert f"{place}.{key}".lstrip(".") + f": {value} is out of range. Allowed: " in text


@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        ("", "experiment", "With Blanks"),
        ("", "classes", {}),
        ("segmenter.training", "epochs", "many"),
        ("preprocess", "spacing", [3.0, 3.0]),
        ("preprocess", "window", [240, -160]),
        ("preprocess", "window", [100, 100]),
        ("evaluation", "kept_first", [0.5]),
        ("evaluation", "leak_visibilities", [0.01, 0.1]),
        ("evaluation", "leak_visibilities", []),
        ("evaluation.obscurers", "mean", None),
        ("cases", "split_of", {"someone": "testing"}),
        ("compute", "device", "gpu"),
    ],
)
def test_value_of_the_wrong_form(default, refused, place, key, value):
    entry(default, place)[key] = value
    assert f"{place}.{key}".lstrip(".") in refused(default)


@pytest.mark.parametrize(("key", "value"), [("spacing", 0), ("shape", 4)])
def test_preprocessing_out_of_range_names_the_axis(default, refused, key, value):
    default["preprocess"][key][1] = value
    assert f"preprocess.{key}.1: {value} is out of range" in refused(default)


@pytest.mark.parametrize(
    ("place", "content", "known"),
    [
        ("explainers.mine", {"method": "ocllusion"}, "occlusion, prediction"),
        ("interpreters.mine", {"network": {"name": "UNet"}, "objective": {"method": "papr"}}, "paper"),
        ("evaluation.obscurers.nois", {}, "blur, donor, mean, noise, road, zero"),
    ],
)
def test_unknown_method_lists_those_there_are(default, refused, place, content, known):
    above, key = place.rsplit(".", 1)
    entry(default, above)[key] = content
    text = refused(default)
    assert f"{place}" in text
    assert "there is no method" in text
    assert known in text
    assert "base" not in text.split("Choose one of")[1]


def test_the_unseen_phantom_is_the_full_one_with_another_seed():
    full, unseen = (
        yaml.safe_load((REPOSITORY / f"config/phantom_{name}.yaml").read_text()) for name in ("full", "unseen")
    )
    assert full["phantom"]["seed"] != unseen["phantom"]["seed"]
    for own in ("guarantee", "noise", "probe", "stability"):
        del full[own]
    for config in (full, unseen):
        del config["experiment"], config["dataset"], config["phantom"]["seed"]
    assert full == unseen


def test_a_judge_sees_images_alone(default, refused):
    default["judges"] = {"other": {"sees": "prediction"}}
    assert "judges.other: there is no setting 'sees'" in refused(default)


def test_target_of_a_class_that_is_not_learned(default, refused):
    default["targets"]["liver"] = {"class": "liver"}
    text = refused(default)
    assert "targets.liver.class" in text
    assert "`classes`" in text


def test_explainer_of_an_interpreter_that_is_not_there(default, refused):
    default["explainers"]["u-noise-paper-small"]["interpreter"] = "paper-large"
    text = refused(default)
    assert "explainers.u-noise-paper-small.interpreter" in text
    assert "`interpreters`" in text


def test_label_in_two_classes(default, refused):
    default["classes"] = {"pancreas": ["pancreas", "cancer"], "tumour": ["cancer"]}
    assert "classes: label 'cancer' is in two classes" in refused(default)


def test_environment_variable_that_is_not_set(monkeypatch, refused, plain_config):
    monkeypatch.delenv("UNOISE_ABDOMEN_CT")
    text = refused(plain_config | {"dataset": "${UNOISE_ABDOMEN_CT}/Task"})
    assert "dataset: the environment variable UNOISE_ABDOMEN_CT is not set" in text
    assert "export UNOISE_ABDOMEN_CT=" in text


@pytest.mark.parametrize("folder", ["/scans/{new}", "/scans/<results>"])
def test_path_with_a_placeholder_of_snakemake_is_refused(folder, monkeypatch, refused, plain_config):
    monkeypatch.setenv("UNOISE_SCANS", folder)
    plain_config["dataset"] = "${UNOISE_SCANS}"
    assert f"dataset: the path {folder!r} has one of" in refused(plain_config)


def test_environment_variable_is_replaced(tmp_path, plain_config):
    config = complete(plain_config | {"dataset": "${UNOISE_ABDOMEN_CT}/Task"})
    assert config["dataset"] == f"{tmp_path}/Task"


@pytest.mark.parametrize("content", [b"a: [1\nb: 2", b"\xff\xfe\x00", b"\t- a", b"a: !!python/object:x.y 1"])
def test_not_yaml(tmp_path, content):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        read_config(path)
    assert str(raised.value).startswith(f"{path}: it is not YAML")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [None, [], "text", 3, {}, {1: 2}])
def test_yaml_that_is_no_config(refused, content):
    assert "the config: " in refused(content)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        read_config(tmp_path / "none.yaml")


def test_defaults_are_filled_in(plain_config):
    given = copy.deepcopy(plain_config)
    given["explainers"]["occlusion"] = {"method": "occlusion", "patch": 9}
    given["interpreters"]["mine"] = {"network": {"name": "UNet"}, "objective": {"method": "paper"}}
    before = copy.deepcopy(given)
    config = complete(given)
    assert given == before, "what the user gave is left as it was"
    assert config["seed"] == 2101
    assert config["judges"] == {}
    assert config["cases"]["split_shares"]["train"] == 0.7
    assert config["cases"]["split_of"] == {}
    assert config["preprocess"] == {
        "spacing": [3.0, 3.0, None],
        "stride": None,
        "shape": [128, 128, None],
        "centre": "body",
        "window": [-160, 240],
    }
    assert config["segmenter"]["network"]["spatial_dims"] == 2
    assert config["segmenter"]["training"]["epochs"] == 20
    assert config["interpreters"]["mine"]["training"]["batch_size"] == 16
    assert config["interpreters"]["mine"]["objective"]["noise_max"] == 1.125
    assert config["explainers"]["occlusion"] == {
        "method": "occlusion",
        "patch": 9,
        "stride": 8,
        "fill": 0.0,
        "edge": "hard",
        "border": "inside",
    }
    assert config["evaluation"]["obscurers"] == {"mean": {}, "noise": {"sigma_hu": 400}, "donor": {}}
    assert config["evaluation"]["kept_first"][:3] == [0.01, 0.02, 0.05]
    assert config["evaluation"]["leak_visibilities"] == [0.02, 0.05, 0.1, 0.2]
    assert config["compute"]["device"] == "auto"
    assert complete(config) == config, "completing twice changes nothing"


def test_defaults_are_not_shared_between_configs(plain_config):
    complete(plain_config)["evaluation"]["kept_first"].clear()
    assert complete(plain_config)["evaluation"]["kept_first"]


def test_a_plan_is_made_without_torch():
    """Every job of a cluster parses the Snakefile again: what it imports must stay light."""
    code = """
import sys
from pathlib import Path
from unoise.workflow.config import read_config
from unoise.workflow.plan import Plan

plan = Plan(read_config(Path("config/config.yaml")), Path())
assert plan.ids("test")
for group in plan.explainer_groups:
    for key in group.explainers:
        assert all(plan.explainer_code(target, key) for target in plan.config["targets"])
for model in plan.interpreters:
    assert plan.interpreter_code(model)
assert all(plan.evaluation_code(target) and plan.leak_code(target) for target in plan.config["targets"])
assert plan.segmenter
heavy = {"torch", "monai", "nibabel", "captum", "scipy"} & set(sys.modules)
assert not heavy, heavy
print(sorted(group.volumes for group in plan.explainer_groups)[-1])
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "noise_scale" in run.stdout, "the volumes of U-Noise are known without importing it"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(default, refused, number):
    default["segmenter"]["training"]["learning_rate"] = number
    assert "not a finite number" in refused(default)


def test_splits_without_any_share_are_refused(default, refused):
    default["cases"]["split_shares"] = {"train": 0, "test": 0}
    assert "cases.split_shares: every share is 0" in refused(default)


@pytest.mark.parametrize(
    ("place", "key", "value", "said"),
    [
        ("segmenter.training", "epochs", 3.0, "3.0"),
        ("segmenter.training", "learning_rate", "1e-3", "'1e-3' is a text, not a number"),
        ("preprocess", "shape", [128, None, None], "the first two numbers are missing"),
    ],
)
def test_numbers_are_of_the_right_kind(default, refused, place, key, value, said):
    entry(default, place)[key] = value
    assert said in refused(default)


@pytest.mark.parametrize(
    ("place", "change", "said"),
    [
        (("segmenter",), {"training": {"epochs": 0}}, "segmenter.training.epochs: 0 epochs leave an untrained network"),
        (("segmenter",), {"weights": "${NOT_SET}/a.ckpt"}, "segmenter.weights: the environment variable NOT_SET"),
        (("segmenter",), {"training": {"augmentation": "mirror"}}, "there is no method 'mirror'.*affine, none, obsc"),
        (("judges",), {"original": {}}, "judges.original: this is the segmenter itself.*Choose another name"),
        (("judges",), {"Other": {}}, "judges: 'Other' does not match"),
        (("judges", "one"), {"start": "interpreter"}, "judges.one.start: 'segmenter' was expected"),
        (("judges", "one"), {"start": "segmenter", "network": {"name": "UNet"}}, "judges.one.network: .* or `start`"),
        (("judges", "one"), {"start": "segmenter", "weights": "a.ckpt"}, "judges.one.start: there is 'weights'"),
        (("judges", "one"), {"training": {"epochs": 0}}, "judges.one.training.epochs: 0 epochs"),
        (("judges", "one"), {"training": {"augmentation": "blind"}}, "one.training.augmentation: there is no method"),
        (("judges", "one"), {"weights": "${NOT_SET}/a.ckpt"}, "judges.one.weights: the environment variable NOT_SET"),
        (("interpreters", "one"), {"weights": "a.ckpt", "pretraining": {}}, "there is 'weights' to start from already"),
        (("interpreters", "one"), {"start": "segmenter"}, "interpreters.one.network: a copy of the segmenter has its"),
        (("interpreters", "one"), {"pretraining": {"epochs": 0}}, "one.pretraining.epochs: 0 epochs"),
    ],
)
def test_a_start_that_is_none_is_refused(plain_config, place, change, said):
    plain_config["interpreters"]["one"] = {"network": {"name": "UNet"}, "objective": {"method": "paper"}}
    plain_config["judges"] = {"one": {}}
    entry = plain_config
    for name in place:
        entry = entry[name]
    entry |= change
    with pytest.raises(UserError, match=said):
        complete(plain_config)


def test_weights_alone_need_no_epochs(plain_config):
    plain_config["segmenter"] |= {"weights": "utility.ckpt", "training": {"epochs": 0}}
    assert complete(plain_config)["segmenter"]["weights"] == "utility.ckpt"


def test_the_order_of_the_config_is_kept(plain_config):
    """It decides class values, and the first of the paper's protocols is the one that is drawn."""
    plain_config["classes"] = {"spleen": ["spleen"], "liver": ["liver"]}
    plain_config["paper_protocols"] = {"published": {}, "air": {"fill": "air"}}
    config = complete(plain_config)
    assert list(config["classes"]) == ["spleen", "liver"]
    assert list(config["paper_protocols"]) == ["published", "air"]


def test_a_protocol_is_not_named_as_ours(plain_config):
    plain_config["paper_protocols"] = {"design-zero": {}}
    with pytest.raises(UserError, match="paper_protocols"):
        complete(plain_config)


def test_an_interpreter_that_sees_the_prediction_has_a_second_channel(plain_config):
    one = {"network": {"name": "UNet"}, "objective": {"method": "visibility"}, "sees": "prediction"}
    plain_config["interpreters"]["one"] = one
    seen = complete(copy.deepcopy(plain_config))["interpreters"]["one"]["network"]["input"]
    assert seen == "prediction"
    one["network"]["input"] = "imagenet"
    with pytest.raises(UserError, match=r"interpreters\.one\.sees: beside the prediction"):
        complete(plain_config)


@pytest.mark.parametrize(("place", "name"), [("split_of", 1), ("patient_of", True)])
def test_a_name_that_is_no_text_is_refused(default, refused, place, name):
    default["cases"] = {place: {name: "train", "b": "test"}}
    assert f"cases.{place}: the name {name!r} is not a text. Write it in quotes" in refused(default)


def test_a_seed_that_no_generator_takes_is_refused(default, refused):
    assert "seed: 18446744073709551616 is out of range" in refused(default | {"seed": 2**64})
