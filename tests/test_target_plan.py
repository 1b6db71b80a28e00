"""Kinds of targets in a config: what is refused, what interpreters learn, what reruns, and a run with all of them."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from project import Project

from unoise.errors import UserError
from unoise.workflow.config import complete
from unoise.workflow.manifest import Case, write_manifest
from unoise.workflow.plan import Plan

TARGETS = Path(__file__).parent / "configs" / "targets.yaml"
RIM = {"kind": "border", "class": "liver", "inner_mm": 3}
MISSED = {"kind": "errors", "class": "liver", "of": "missed"}


@pytest.fixture
def config(plain_config) -> dict:
    """With a second class and an interpreter."""
    interpreters = {"paper": {"network": {"name": "UNet"}, "objective": {"method": "paper"}}}
    explainers = plain_config["explainers"] | {"u-noise": {"method": "u_noise", "interpreter": "paper"}}
    classes = {"liver": ["liver"], "spleen": ["spleen"]}
    more = {"phantom": {"patients": 3}, "classes": classes, "interpreters": interpreters, "explainers": explainers}
    return plain_config | more


@pytest.fixture
def plan(tmp_path, config):
    """Makes the plan of the config with these targets."""
    splits = ("train", "validation", "test")
    cases = [Case(f"p{n}", f"p{n}", split, "image", "label", "liver=1;spleen=2") for n, split in enumerate(splits)]
    write_manifest(tmp_path / "config" / "cases" / "tiny.tsv", cases)

    def make(**targets: dict) -> Plan:
        return Plan(complete(config | {"targets": targets}), tmp_path)

    return make


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"class": "kidney"}, "targets.t.class: it names no entry of `classes`"),
        ({"kind": "bordr", "class": "liver"}, "targets.t.kind: there is no kind 'bordr'. Choose one of: border, class"),
        ({"kind": "border", "class": "liver"}, "targets.t: a border of 0 mm holds nothing"),
        ({**RIM, "outer_mm": -1}, "targets.t.outer_mm: -1 is out of range"),
        ({**RIM, "inner": 1}, "targets.t: there is no setting 'inner'. Did you mean 'inner_mm'"),
        ({"class": "liver", "rank": 1}, "targets.t: there is no setting 'rank'"),
        ({"kind": "component", "class": "liver", "rank": 0}, "targets.t.rank: 0 is out of range"),
        ({"kind": "region", "class": "liver", "label": "tumour"}, "targets.t.label: it names no entry of `classes`"),
        ({"kind": "contrast", "class": "liver", "against": "liver"}, "a class cannot be set against itself"),
        ({"kind": "errors", "class": "liver"}, "'of' is a required property"),
        ({"kind": "errors", "class": "liver", "of": "all"}, "targets.t.of: 'all' is not one of"),
    ],
)
def test_a_wrong_target_is_one_line(config, target, said):
    with pytest.raises(UserError) as raised:
        complete(config | {"targets": {"t": target}})
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("part", "value"), [("probe", {"explainers": ["control-random"]}), ("paper_protocols", {"published": {}})]
)
def test_what_is_about_whole_classes_refuses_a_region(config, part, value):
    complete(config | {part: value})
    with pytest.raises(UserError, match=f"{part}.*: it is about whole classes, the target 'rim' is of the kind border"):
        complete(config | {part: value, "targets": {"liver": {"class": "liver"}, "rim": RIM}})


def test_a_class_is_written_with_its_kind_or_without(config):
    bare = complete(config | {"targets": {"liver": {"class": "liver"}}})
    assert bare["targets"] == {"liver": {"class": "liver"}}
    assert complete(config | {"targets": {"liver": {"kind": "class", "class": "liver"}}}) == bare
    rim = complete(config | {"targets": {"rim": RIM}})
    assert rim["targets"]["rim"] == {**RIM, "outer_mm": 0}
    assert complete(rim) == rim


def test_interpreters_learn_each_class_once_and_are_not_trained_again_for_its_regions(plan):
    alone = plan(liver={"class": "liver"})
    assert alone.interpreter_settings("paper")["targets"] == {"liver": {"class": "liver"}}
    assert plan(liver={"class": "liver"}, rim=RIM, missed=MISSED).interpreters == alone.interpreters
    regions = plan(rim=RIM, missed=MISSED, contrast={"kind": "contrast", "class": "spleen", "against": "liver"})
    learned = regions.interpreter_settings("paper")["targets"]
    assert [one["class"] for one in learned.values()] == ["liver", "spleen"]
    assert all(set(one) == {"class"} for one in learned.values())


def test_only_targets_that_need_labels_are_explained_with_them(plan):
    made = plan(
        liver={"class": "liver"}, rim=RIM, missed=MISSED, other={"kind": "region", "class": "liver", "label": "spleen"}
    )
    given = {name: made.label_input(["p2"])(SimpleNamespace(target=name)) for name in made.config["targets"]}
    label = {"label": [f"{made.root}/preprocessed/p2/label.nii.gz"]}
    assert given == {"liver": {}, "rim": {}, "missed": label, "other": label}


def test_each_target_has_the_digest_of_its_own_kind(plan):
    made = plan(liver={"class": "liver"}, rim=RIM, missed=MISSED)
    for code in (made.evaluation_code, made.leak_code, lambda target: made.explainer_code(target, "control-random")):
        assert len({code(target) for target in made.config["targets"]}) == 3


def test_a_region_has_no_figure_of_dice(plan):
    figures = plan(liver={"class": "liver"}, rim=RIM).figures.values()
    assert [one for one in figures if "dice" in one] == ["results/tiny/figures/liver/dice.png"]
    assert any("rim/agreement.png" in one for one in figures)


# The whole workflow


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("project"), TARGETS)
    made.cases()
    return made


def test_all_kinds_are_planned(project):
    planned = project.planned()
    targets = project.config["targets"]
    assert {one for one in planned if one.startswith("Evaluating gradient")} == {
        f"Evaluating gradient for {name}" for name in targets
    }
    assert len([one for one in planned if re.match("Training", one)]) == 3, "one interpreter, of one class"


@pytest.mark.slow
def test_a_run_with_all_kinds_scores_what_is_there_and_names_what_is_not(project):
    done = project.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    curves = project.read("tables/curves.parquet")
    targets = set(project.config["targets"])
    assert set(curves.target) == targets
    assert curves[curves.target != "liver"].dice.isna().all()
    assert curves[curves.target == "liver"].dice.notna().any()
    whole = curves[curves.visibility == 1].dropna(subset="agreement")
    assert (whole.agreement == 1).all()
    scored = set(whole[whole.judge == "original"].target)
    assert {"liver", "largest", "rim", "missed"} <= scored
    empty = curves[curves.target == "tenth-largest"]
    assert len(empty)
    assert empty.agreement.isna().all()
    summary = (project.results / "summary.md").read_text()
    assert "tenth-largest is empty in 2 of 2 test patients" in summary
    assert "No explanation of tenth-largest could be scored" in summary
    assert (project.results / "figures" / "rim" / "panel.png").stat().st_size > 200
    config = yaml.safe_load(TARGETS.read_text())
    config["targets"]["rim"]["outer_mm"] = 16
    project.write_config(config)
    again = {one for one in project.planned() if re.match("Explaining|Evaluating|Looking|Training|Perturbing", one)}
    assert again
    assert all("rim" in one for one in again)
