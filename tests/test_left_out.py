"""What failed is left out, by name: the rest is finished, and models, batches and names stay what they were."""

from dataclasses import dataclass

import pytest

from unoise.errors import UserError
from unoise.report.missing import missing_section
from unoise.workflow.config import complete
from unoise.workflow.config.leave_out import without
from unoise.workflow.failures import KILLED, Failed, leave_out
from unoise.workflow.go_on import again
from unoise.workflow.manifest import Case, write_manifest
from unoise.workflow.plan import Plan

SPLITS = {"t0": "train", "v0": "validation", "k0": "calibration"} | {f"p{n}": "test" for n in range(6)}


@dataclass
class Plans:
    """Makes plans of one config in a folder."""

    folder: object
    config: dict

    def __call__(self, **left_out: dict) -> Plan:
        config = complete(self.config | {"leave_out": left_out})
        return Plan(without(config, "config"), self.folder)


@pytest.fixture
def plans(tmp_path, plain_config):
    cases = [Case(case, case, split, "image", "label", "liver=1;spleen=2") for case, split in SPLITS.items()]
    write_manifest(tmp_path / "config" / "cases" / "tiny.tsv", cases)
    learned = {"network": {"name": "UNet", "channels": [4, 8], "strides": [2]}, "objective": {"method": "paper"}}
    config = plain_config | {
        "phantom": {"patients": len(SPLITS)},
        "classes": {"liver": ["liver"], "spleen": ["spleen"]},
        "targets": {"liver": {"class": "liver"}, "spleen": {"class": "spleen"}},
        "judges": {"tolerant": {"start": "segmenter"}},
        "interpreters": {"paper": learned},
        "explainers": {
            "u-noise": {"method": "u_noise", "interpreter": "paper"},
            "gradient": {"method": "gradient"},
            "control-random": {"method": "random"},
            "control-atlas": {"method": "atlas"},
        },
        "stability": {"explainers": ["u-noise"], "seeds": [1]},
        "forbidden": {"regions": ["table"], "explainers": ["gradient"], "largest_mass": 0.1},
        "guarantee": {"explainers": ["u-noise", "gradient"]},
        "compute": {"cases_per_job": 3},
    }
    return Plans(tmp_path, config)


def explained(explainer: str, cases: dict, target: str = "liver") -> Failed:
    return Failed("explain_rivals1_01", {"target": target, "explainer": explainer}, None, "some failed", cases)


def test_one_explainer_that_fails_on_a_case_is_left_out_alone(plans):
    assert leave_out(plans(), [explained("gradient", {"p1": "case p1: NaN"})]) == {
        "explainers": {"gradient": "case p1: NaN"}
    }


def test_a_case_on_which_most_explainers_fail_is_left_out_instead(plans):
    failed = [explained(key, {"p1": f"{key} failed"}) for key in ("u-noise", "gradient", "control-random")]
    assert leave_out(plans(), failed) == {"cases": {"p1": "u-noise failed"}}


def test_a_target_on_which_most_explainers_fail_is_left_out_instead(plans):
    gone = {f"p{number}": "gone" for number in range(4)}
    failed = [explained(key, gone, "spleen") for key in ("u-noise", "gradient", "control-random")]
    assert leave_out(plans(), failed) == {"targets": {"spleen": "gone"}}


def test_each_job_is_put_down_to_what_it_is_for(plans):
    plan = plans()
    (interpreter,) = plan.interpreters
    (retrained,) = plan.retrainings
    broken = Failed("preprocess", {"case": "p3"}, None, "cut short")
    judge = Failed("predict_tolerant_test_all", {}, plan.judges["tolerant"], "no memory")
    assert leave_out(plan, [broken, judge]) == {"cases": {"p3": "cut short"}, "judges": {"tolerant": "no memory"}}
    unread = Failed(f"predict_{plan.segmenter}_test_all", {}, plan.segmenter, "2 failed", {"p3": "odd", "t0": "odd"})
    assert leave_out(plan, [unread]) == {"cases": {"p3": "odd"}}
    assert leave_out(plan, [Failed("train_interpreter", {"model": interpreter}, interpreter)]) == {
        "explainers": {"u-noise": KILLED}
    }
    for job in (
        Failed("train_interpreter_again", {"model": retrained}, retrained, "no"),
        Failed("stability", {"target": "liver", "explainer": "u-noise"}, None, "no"),
    ):
        assert leave_out(plan, [job]) == {"measurements": {"stability.u-noise": "no"}}
    assert leave_out(plan, [Failed("atlas", {"target": "liver"})]) == {"explainers": {"control-atlas": KILLED}}


def test_what_forbidden_regions_ask_of_an_explainer_goes_with_its_measurement(plans):
    job = Failed("region_mass", {"target": "liver", "explainer": "gradient"}, None, "no")
    left_out = leave_out(plans(), [job])
    assert left_out == {"measurements": {"regions.gradient": "no"}}
    assert plans().looking == ["gradient"]
    assert plans(**left_out).looking == []


def test_nothing_stands_in_for_what_all_else_needs(plans):
    plan = plans()
    segmenter = Failed("train_segmenter", {"model": plan.segmenter}, plan.segmenter)
    learned_from = Failed("preprocess", {"case": "t0"}, None, "cut short")
    assert leave_out(plan, [segmenter, learned_from, Failed("table_curves", {})]) == {}


def test_models_and_batches_stay_what_they_are_without_what_is_left_out(plans):
    whole = plans()
    rest = plans(
        cases={"p1": "broken"}, explainers={"gradient": "NaN"}, targets={"spleen": "gone"}, judges={"tolerant": "no"}
    )
    assert (rest.segmenter, rest.interpreters, rest.retrainings) == (
        whole.segmenter,
        whole.interpreters,
        whole.retrainings,
    )
    assert rest.ids("test") == ["p0", "p2", "p3", "p4", "p5"]
    assert rest.batches("test") == {
        name: [case for case in cases if case != "p1"] for name, cases in whole.batches("test").items()
    }
    assert list(rest.judges) == ["original"]
    assert "gradient" not in rest.config["guarantee"]["explainers"]
    evaluated = rest.evaluated("{target}/{explainer}/{case}")
    assert evaluated
    assert not [path for path in evaluated if "gradient" in path or "p1" in path or "spleen" in path]


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        ({"cases": {"t0": "x"}}, "no case of the splits test and calibration"),
        ({"cases": {"nobody": "x"}}, "no case of the splits test and calibration"),
        ({"explainers": {"grdient": "x"}}, "leave_out.explainers: 'grdient' is no entry of `explainers`"),
        ({"measurements": {"noise.u-noise": "x"}}, "leave_out.measurements: there is no 'noise.u-noise'"),
        ({"targets": {"liver": "x", "spleen": "x"}}, "leave_out.targets leaves none"),
        ({"cases": {f"p{n}": "x" for n in range(6)}}, "leaves no test case"),
    ],
)
def test_what_cannot_be_left_out_is_one_line(plans, left_out, said):
    with pytest.raises(UserError, match=said):
        plans(**left_out)


def test_the_same_command_is_run_again_beside_its_own_settings():
    left_out = {"cases": {"p1": 'a "bad" scan: ä'}}
    value = 'leave_out={"cases": {"p1": "a \\"bad\\" scan: ä"}}'
    assert again(["--cores", "2", "summary"], left_out) == ["--cores", "2", "summary", "--config", value]
    assert again(["-C", "leave_out={}", "seed=3", "-n"], left_out) == ["-C", value, "seed=3", "-n"]


def test_the_summary_names_what_is_missing_and_why():
    assert missing_section({"cases": {}, "failed": None}) == []
    text = "\n".join(missing_section({"explainers": {"grad-cam": "case p_1: NaN"}, "failed": "yes"}))
    assert "- explainer grad-cam: case p\\_1: NaN" in text
    assert "in none of the numbers" in text
    assert "run the same command again" in text
