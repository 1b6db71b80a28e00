"""A guarantee: the bound by hand, what it promises of phantoms, the calibration cases kept apart, the summary."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from made import bright_segmenter
from scipy import stats

from unoise import estimate, tables
from unoise.data.anatomy import draw_anatomy
from unoise.data.canvas import Canvas, Grid
from unoise.data.phantom import scan
from unoise.data.phantom_patient import LABELS, Patient
from unoise.errors import UserError
from unoise.evaluation.evaluate import count_kept, count_visible
from unoise.evaluation.masks import ranks, visible
from unoise.report.guarantee import guarantee_section
from unoise.statistics.curves import patient_curves
from unoise.statistics.guarantee import guarantees, patient_losses, patients_needed
from unoise.workflow.config import complete
from unoise.workflow.manifest import Case, write_manifest
from unoise.workflow.plan import Plan
from unoise.workflow.size_plan import PHANTOM_SHAPE

CELL = {"model": "m", "target": "t", "explainer": "u-noise", "judge": "original", "obscurer": "mean"}
VISIBILITIES = (0.1, 0.5, 1.0)

# The bound, by hand


def made_curves(split: str, agreement: dict[str, tuple], **cell) -> pd.DataFrame:
    """Curves of some patients, each by its agreement at `VISIBILITIES`, kept first; 0, removed first."""
    rows = [
        CELL | cell | {"split": split, "patient": patient, "order": order, "visibility": visibility, "agreement": one}
        for patient, values in agreement.items()
        for visibility, value in zip(VISIBILITIES, values, strict=True)
        for order, one in (("kept_first", value), ("removed_first", 0.0))
    ]
    return pd.DataFrame(rows)


CALIBRATION = {"a": (0.5, 0.9, 1.0), "b": (0.95, 0.8, 1.0), "c": (0.9, 1.0, 1.0), "d": (0.8, 0.9, 1.0)}
TEST = {"x": (0.4, 0.9, 1.0), "y": (0.6, 0.7, 1.0)}


def found(tolerance: float, calibration: dict, test: dict = TEST) -> dict:
    curves = pd.concat([made_curves("calibration", calibration), made_curves("test", test)])
    (row,) = guarantees(curves, ["u-noise"], tolerance).to_dict("records")
    return row


def test_a_loss_is_the_largest_from_a_visibility_up():
    """Patient b does better with 10 % than with 50 %; what was lost at 50 % counts at 10 % too."""
    curves = made_curves("calibration", CALIBRATION)
    losses = patient_losses(curves[curves.order == "kept_first"])
    assert losses.columns.tolist() == [1.0, 0.5, 0.1]
    np.testing.assert_allclose(losses, [[0, 0.1, 0.5], [0, 0.2, 0.2], [0, 0, 0.1], [0, 0.1, 0.2]])


def test_the_smallest_visibility_at_which_the_bound_keeps_the_tolerance():
    row = found(0.3, CALIBRATION)
    assert (row["patients"], row["patients_needed"], row["test_patients"]) == (4, 3, 2)
    assert row["visibility"] == 0.5
    assert row["bound"] == pytest.approx((0.4 + 1) / 5), "n/(n + 1) of the mean loss, 0.1, and 1/(n + 1)"
    assert row["test_loss"] == pytest.approx(0.2)
    assert row["test_standard_error"] == pytest.approx(0.1)
    assert found(0.4, CALIBRATION)["visibility"] == 0.1, "there the bound, (1 + 1) / 5, is the tolerance"
    assert found(0.399, CALIBRATION)["visibility"] == 0.5, "but for the dip of b it would be 10 %"
    assert found(0.25, CALIBRATION)["visibility"] == 1.0


def test_neither_the_test_patients_nor_other_splits_or_orders_choose():
    row = found(0.3, CALIBRATION, {"x": (0.0, 0.0, 1.0)})
    assert (row["visibility"], row["test_loss"]) == (0.5, 1.0)
    assert np.isnan(row["test_standard_error"]), "one patient"
    others = pd.concat(
        [made_curves("calibration", CALIBRATION)]
        + [made_curves(split, {"z": (0.0, 0.0, 0.0)}) for split in ("train", "validation")]
        + [made_curves("calibration", {"z": (0.0, 0.0, 0.0)}, explainer="occlusion")]
    )
    (alone,) = guarantees(others, ["u-noise"], 0.3).to_dict("records")
    assert (alone["visibility"], alone["bound"], alone["test_patients"]) == (0.5, row["bound"], 0)
    assert pd.isna(alone["test_loss"])


@pytest.mark.parametrize(("tolerance", "needed"), [(0.1, 9), (0.05, 19), (0.3, 3), (0.5, 1), (0.9, 1), (1 / 49, 48)])
def test_enough_patients_always_give_a_visibility_and_one_fewer_none(tolerance, needed):
    assert patients_needed(tolerance) == needed
    hopeless = {f"p{number}": (0.0, 0.0, 1.0) for number in range(needed)}
    enough = found(tolerance, hopeless)
    assert (enough["visibility"], enough["patients_needed"]) == (1.0, needed)
    assert enough["bound"] == pytest.approx(1 / (needed + 1))
    perfect = {f"p{number}": (1.0, 1.0, 1.0) for number in range(needed - 1)}
    few = found(tolerance, perfect | {"null": (None, None, None)})
    assert pd.isna([few["visibility"], few["bound"], few["test_loss"], few["test_standard_error"]]).all()
    assert (few["patients"], few["test_patients"]) == (needed - 1, 2), "who has no agreement does not count"


def test_what_is_not_there_is_null_in_the_table(tmp_path):
    rows = guarantees(made_curves("test", TEST), ["u-noise"], 0.1)
    tables.write(tmp_path / "guarantee.parquet", tables.GUARANTEE, rows)
    (row,) = tables.read(tmp_path / "guarantee.parquet", tables.GUARANTEE).to_dict("records")
    assert (row["patients"], row["order"], row["tolerance"]) == (0, "kept_first", 0.1)
    assert np.isnan([row[name] for name in ("visibility", "bound", "test_loss", "test_standard_error")]).all()
    assert guarantees(made_curves("validation", TEST), ["u-noise"], 0.1).empty


# What it promises, on phantoms

SIDE = 48
FIELD = 384.0  # mm
GRID = tuple(np.geomspace(0.002, 1, 60).round(4).tolist())


def phantom_slice(number: int) -> np.ndarray:
    """The slice through the neck of a phantom's pancreas, coarse, in HU."""
    random = np.random.default_rng([5, number])
    patient = Patient.draw(random, FIELD)
    spacing = FIELD / SIDE
    corner = -(SIDE - 1) / 2 * spacing - patient.off_centre
    grid = Grid((SIDE, SIDE, 1), (spacing, spacing, patient.spacing), (corner[0], corner[1], 0.0))
    canvas = Canvas(grid, LABELS, patient.scale, warp=2.2, rng=random)
    draw_anatomy(canvas, patient, random)
    return scan(canvas, patient, random)[..., 0]


@pytest.fixture(scope="module")
def phantoms() -> pd.DataFrame:
    """Curves of phantoms whose brightest parts are segmented, by a map that is their brightness, hidden by the mean.

    What is as bright is much in some patients and little in others, so that few patients say little of the next.
    """
    slices = np.stack([phantom_slice(number) for number in range(40)])
    images = torch.from_numpy(((slices + 160) / 400).clip(0, 1)).float()[:, None]
    segmenter = bright_segmenter(threshold=0.8)
    clean = segmenter.probabilities(images)[:, 0] > 0.5
    fields = torch.rand(clean.shape, generator=torch.Generator().manual_seed(3))
    places = ranks(images[:, 0], fields)
    body = images[:, 0] > 0
    rows = []
    for visibility in GRID:
        mask = visible(places, visibility, "kept_first")
        obscured = torch.where(mask[:, None], images, torch.tensor(0.3))
        predicted = segmenter.probabilities(obscured)[:, 0] > 0.5
        regions = {"body": body, "label": clean, "clean": clean}
        counts = count_visible(mask, regions) | count_kept(predicted, regions)
        key = CELL | {"order": "kept_first", "visibility": visibility, "seed": 0, "split": "test"}
        patients = [f"p{number}" for number in range(len(images))]
        rows.append(pd.DataFrame(key | {"patient": patients} | {name: one.numpy() for name, one in counts.items()}))
    return patient_curves(pd.concat(rows)).dropna(subset="agreement")


def drawn_again(curves: pd.DataFrame, calibration: int, tolerance: float, times: int = 200) -> pd.DataFrame:
    """The guarantee of each of many divisions of the patients into calibration and test."""
    random = np.random.default_rng(11)
    patients = curves.patient.unique()
    found = []
    for _ in range(times):
        chosen = set(random.choice(patients, calibration, replace=False))
        split = curves.patient.isin(chosen).map({True: "calibration", False: "test"})
        found.append(guarantees(curves.assign(split=split), ["u-noise"], tolerance))
    return pd.concat(found)


def test_the_mean_test_loss_of_200_divisions_of_phantoms_keeps_the_tolerance(phantoms):
    """The bound is needed: by the plain mean of four patients' losses, that of the others would be above it."""
    calibration, tolerance = 4, 0.25
    drawn = drawn_again(phantoms, calibration, tolerance)
    assert len(drawn) == 200
    assert (drawn.patients == calibration).all()
    assert (drawn.test_patients == phantoms.patient.nunique() - calibration).all()
    assert drawn.test_loss.mean() <= tolerance + 2 * stats.sem(drawn.test_loss)
    assert drawn.visibility.nunique() > 1, "the calibration patients decide"
    assert drawn.visibility.median() < 0.5, "and promise something"


# The calibration cases are kept apart

PATHS = {
    "predictions": "{model}/{case}",
    "evaluated": "{model}/{target}/{explainer}/{case}",
    "explained": "{model}/{target}/{explainer}/{case}",
}


@pytest.fixture
def plan(tmp_path, plain_config):
    """Makes the plan of seven phantoms, two of them for calibration, with a guarantee of some explainers."""
    splits = ("train", "train", "validation", "calibration", "calibration", "test", "test")
    cases = [Case(f"p{number}", f"p{number}", split, "i", "l", "liver=1") for number, split in enumerate(splits)]
    write_manifest(tmp_path / "config" / "cases" / "tiny.tsv", cases)
    plain_config["interpreters"] = {"paper": {"network": {"name": "UNet"}, "objective": {"method": "paper"}}}
    plain_config["explainers"] |= {
        "u-noise": {"method": "u_noise", "interpreter": "paper"},
        "intensity": {"method": "intensity"},
    }
    plain_config |= {"phantom": {"patients": 7}, "judges": {"other": {"network": {"name": "BasicUNet"}}}}

    def make(*explainers: str) -> Plan:
        own = {"guarantee": {"explainers": list(explainers)}} if explainers else {}
        return Plan(complete(plain_config | own), tmp_path)

    return make


def test_without_a_guarantee_no_calibration_case_is_evaluated(plan):
    plain = plan()
    assert plain.calibrated(PATHS["evaluated"]) == []
    assert plain.calibration_groups == plain.calibration_explainer_groups == plain.guarantee_tables == []
    assert plain.calibration_predicted == {}
    assert not [path for path in plain.evaluated(PATHS["evaluated"]) if path.endswith(("p3", "p4"))]


def test_a_guarantee_changes_no_other_job_and_nothing_else_sees_its_cases(plan):
    plain, promised = plan(), plan("u-noise", "intensity")
    for make, path in PATHS.items():
        assert getattr(promised, make)(path) == getattr(plain, make)(path)
    assert promised.predicted == plain.predicted
    assert promised.evaluation_groups == plain.evaluation_groups
    assert promised.explainer_groups == plain.explainer_groups


def test_the_named_explainers_are_explained_and_evaluated_on_the_calibration_cases(plan):
    promised = plan("u-noise", "intensity")
    assert promised.calibrated("{explainer}/{case}") == [
        f"{promised.root}/{explainer}/{case}" for explainer in ("u-noise", "intensity") for case in ("p3", "p4")
    ]
    (group,) = promised.calibration_explainer_groups
    assert group.explainers == ("intensity",), "an interpreter explains every case anyway"
    assert (group.splits, group.volumes) == (("calibration",), ("importance",))
    assert promised.calibration_predicted == {promised.judges["other"]: ("calibration",)}


def test_the_estimate_counts_the_calibration_cases(plan, monkeypatch):
    for rate in ("forward_rate", "training_rate"):
        monkeypatch.setattr(estimate, rate, lambda config: 100.0)

    def counted(*explainers: str) -> dict[str, int]:
        text = estimate.estimate_run(plan(*explainers))
        found = re.findall(r"(explaining|evaluating|starting),? ([\d,]+)", text)
        return {stage: int(number.replace(",", "")) for stage, number in found}

    plain, learned, both = counted(), counted("u-noise"), counted("u-noise", "intensity")
    shown = 2 * estimate.TARGET_SHARE * PHANTOM_SHAPE[2]
    evaluated = 2 * 3 * (10 + 10) * shown  # judges, obscurers, visibilities
    assert learned["explaining"] == plain["explaining"]
    assert both["explaining"] - plain["explaining"] == pytest.approx(shown, abs=1)
    assert learned["evaluating"] - plain["evaluating"] == pytest.approx(evaluated, abs=1)
    assert both["evaluating"] - plain["evaluating"] == pytest.approx(2 * evaluated, abs=1)
    assert learned["starting"] == plain["starting"] + 2, "the other judge predicts, u-noise is evaluated"
    assert both["starting"] == plain["starting"] + 4


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"explainers": ["u-nose"]}, r"guarantee\.explainers: 'u-nose' is no entry of `explainers`"),
        ({"tolerance": 0}, r"guarantee\.tolerance: 0 is out of range"),
        ({"tolerance": 1}, r"guarantee\.tolerance: 1 is out of range"),
        ({"tolerence": 0.1}, r"guarantee: there is no setting 'tolerence'. Did you mean 'tolerance'"),
    ],
)
def test_a_wrong_guarantee_is_refused(plain_config, section, message):
    with pytest.raises(UserError, match=message):
        complete(plain_config | {"guarantee": section})


def test_slices_of_one_patient_on_both_sides_promise_nothing(plain_config):
    plain_config["guarantee"] = {"explainers": ["control-random"]}
    assert complete(plain_config)["guarantee"]["tolerance"] == 0.1
    with pytest.raises(UserError, match="calibration and test share patients"):
        complete(plain_config | {"cases": {"by_slice": True}})
    del plain_config["guarantee"]
    with pytest.raises(UserError, match="noise: with by_slice validation and test share patients"):
        complete(plain_config | {"cases": {"by_slice": True}, "noise": {"explainers": ["control-random"]}})


# Summary


def said(*curves: pd.DataFrame, tolerance: float, path) -> str:
    tables.write(path, tables.GUARANTEE, guarantees(pd.concat(curves), ["u-noise"], tolerance))
    return "\n".join(guarantee_section(tables.read(path, tables.GUARANTEE)))


def test_the_summary_says_what_is_promised_of_whom(tmp_path):
    other = dict.fromkeys(CALIBRATION, (0.9, 1.0, 1.0))
    curves = [
        made_curves("calibration", CALIBRATION),
        made_curves("test", TEST),
        made_curves("calibration", other, judge="other"),
        made_curves("test", {"x": (0.7, 0.9, 1.0)}, judge="other"),
    ]
    text = said(*curves, tolerance=0.3, path=tmp_path / "guarantee.parquet")
    assert "on average over patients like these, not for each patient" in text
    assert "Keep the 50 % most important voxels, and the expected loss of agreement is at most 0.3, on average" in text
    assert "(4 calibration patients)" in text
    (row,) = (line for line in text.splitlines() if line.startswith("| mean"))
    assert [cell.strip() for cell in row.split("|")[1:-1]] == ["mean", "50 %; 0.200 ± 0.100", "10 %; 0.300"]


def test_the_summary_says_where_there_are_too_few_patients(tmp_path):
    few = [made_curves("calibration", {"a": (1.0, 1.0, 1.0)}), made_curves("test", TEST)]
    text = said(*few, tolerance=0.1, path=tmp_path / "guarantee.parquet")
    assert "Nothing can be promised: too few patients (1, needed 9)." in text
    assert "Keep the" not in text
    enough = [made_curves("calibration", CALIBRATION, judge="other"), made_curves("test", TEST, judge="other")]
    text = said(*few, *enough, tolerance=0.3, path=tmp_path / "guarantee.parquet")
    assert "Keep the 50 %" in text
    assert "but for some: too few patients (1, needed 3)." in text
