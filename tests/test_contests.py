"""One explainer against every other, patient by patient; obscurers seen and unseen; what the summary says of both."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from unoise import tables
from unoise.errors import UserError
from unoise.report.contests import contests_section
from unoise.report.judges import judges_section
from unoise.statistics.contests import contests
from unoise.statistics.curves import log_area
from unoise.statistics.intervals import bootstrap_p, holm, mean_interval
from unoise.statistics.seen import mark_seen
from unoise.workflow import methods
from unoise.workflow.config import complete, read_config
from unoise.workflow.contest_plan import ContestPlan
from unoise.workflow.plan import Plan

REPOSITORY = Path(__file__).parents[1]
FULL = REPOSITORY / "config" / "phantom_full.yaml"
SILENT = pd.DataFrame(columns=tables.LEAK.names)  # no mask was found to tell anything
VISIBILITIES = (0.01, 0.02, 0.05, 0.1, 0.5, 1.0)
RIVALS = ("control-random", "occlusion")


def made_curves(height: dict, patients=10, visibilities=VISIBILITIES, obscurers=("mean",)) -> pd.DataFrame:
    """Flat curves of the explainers at these heights, each patient shifted, with a little noise."""
    random = np.random.default_rng(5)
    shift = random.normal(0, 0.2, patients)
    rows = [
        {"model": "m", "target": "t", "judge": "original", "split": split, "order": order, "obscurer": obscurer,
         "explainer": explainer, "patient": f"{split}{patient}", "visibility": visibility,
         "agreement": value + shift[patient] + random.normal(0, 0.005) - (split != "test")}
        for split in ("validation", "test")
        for order in ("kept_first", "removed_first")
        for obscurer in obscurers
        for explainer, value in height.items()
        for patient in range(patients)
        for visibility in visibilities
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_p_is_two_sided_never_0_and_says_what_the_interval_says():
    random = np.random.default_rng(1)
    for shift in (-0.8, -0.4, 0, 0.4, 0.8):
        values = random.normal(shift, 1, 20)
        low, high = mean_interval(values, 999, 3)
        p = bootstrap_p(values, 999, 3)
        assert (p < 0.05) == (low > 0 or high < 0)
        assert p == bootstrap_p(-values, 999, 3)
    assert bootstrap_p(np.full(8, 0.1), 999, 3) == pytest.approx(2 / 1000)
    assert bootstrap_p(np.zeros(8), 999, 3) == 1
    assert bootstrap_p(values[:7], 999, 3) is None


def test_a_contest_is_paired_by_patient_and_on_test_patients_kept_first():
    """Patients differ by far more than the explainers do."""
    found = contests(made_curves({"u-noise": 0.55, "occlusion": 0.5, "control-random": 0.3}), ["u-noise"], 500, 1)
    assert found.rival.tolist() == list(RIVALS)
    np.testing.assert_allclose(found.difference, [0.25, 0.05], atol=0.01)
    assert (found.high - found.low < 0.02).all()
    assert (found.low < found.difference).all()
    assert (found.difference < found.high).all()
    np.testing.assert_allclose(found.p, 2 * 2 / 501)
    assert (found.patients == 10).all()


def test_the_area_ends_at_ten_percent_and_takes_in_what_lies_between():
    curves = made_curves({"u-noise": 0.5, "occlusion": 0.5}, patients=2)
    heights = {0.01: 0.1, 0.02: -0.02, 0.05: 0.3, 0.1: 0.2, 0.5: 9, 1.0: 9}
    curves["agreement"] = curves.visibility.map(heights).where(curves.explainer == "u-noise", 0)
    (row,) = contests(curves, ["u-noise"], 200, 1).to_dict("records")
    assert row["difference"] == pytest.approx(log_area(np.array([*heights][:4]), np.array([*heights.values()][:4])))
    assert [row[f"at_{percent}"] for percent in (1, 2, 5, 10)] == pytest.approx([0.1, -0.02, 0.3, 0.2])
    assert row["smallest"] == pytest.approx(-0.02)


def test_without_an_end_of_the_range_there_is_no_area_but_the_points_are_there():
    curves = made_curves({"u-noise": 0.6, "occlusion": 0.5}, visibilities=(0.01, 0.02, 0.05, 0.2, 1.0))
    (row,) = contests(curves, ["u-noise"], 200, 1).to_dict("records")
    assert np.isnan(row["difference"])
    assert row["p"] is row["low"] is None
    assert np.isnan(row["at_10"])
    assert row["smallest"] == pytest.approx(0.1, abs=0.01)


def test_one_patient_gives_neither_interval_nor_p(tmp_path):
    found = contests(made_curves({"u-noise": 0.6, "occlusion": 0.5}, patients=1), ["u-noise"], 200, 1)
    tables.write(tmp_path / "contests.parquet", tables.CONTESTS, mark_seen(found, {}))
    (row,) = tables.read(tmp_path / "contests.parquet", tables.CONTESTS).to_dict("records")
    assert row["difference"] == pytest.approx(0.1, abs=0.02)
    assert np.isnan([row["low"], row["high"], row["p"]]).all()


def test_p_is_adjusted_over_the_rivals_within_obscurer_and_explainer():
    random = np.random.default_rng(2)
    curves = made_curves({f"e{n}": 0.5 for n in range(5)}, obscurers=("mean", "blur"))
    curves["agreement"] += random.normal(0, 0.1, len(curves))
    found = contests(curves, ["e0", "e1"], 500, 1)
    assert len(found) == 2 * 2 * 4
    for (explainer, obscurer), group in found.groupby(["explainer", "obscurer"]):
        pair = curves[curves.explainer.isin([explainer, *group.rival]) & (curves.obscurer == obscurer)]
        alone = [
            contests(pair[pair.explainer.isin([explainer, rival])], [explainer], 500, 1).p.item()
            for rival in group.rival
        ]
        assert group.p.tolist() == pytest.approx(holm(alone))


@pytest.mark.parametrize("curves", [made_curves({"u-noise": 0.5}), made_curves({"occlusion": 0.5, "grad-cam": 0.5})])
def test_nobody_to_meet_is_an_empty_table_and_no_error(curves, tmp_path):
    found = contests(curves, ["u-noise"], 200, 1)
    tables.write(tmp_path / "contests.parquet", tables.CONTESTS, mark_seen(found, {}))
    assert contests_section(tables.read(tmp_path / "contests.parquet", tables.CONTESTS), SILENT)[0].startswith(
        "Nothing"
    )
    assert contests(curves.assign(agreement=None), ["u-noise"], 200, 1).empty


# Seen and unseen


def test_every_objective_declares_what_it_fills_with():
    for name in methods.names("training.objectives"):
        method = methods.find("training.objectives", name)
        defaults = {key: one.get("default") for key, one in method.settings.items()}
        assert method.fillings(defaults), f"{name} declares no TRAINS_WITH: every obscurer would count as unseen"


def test_an_explainer_has_seen_what_its_interpreters_objective_fills_with():
    """Nothing is asked for by the name of a method: fillings taken out of the config are unseen."""
    config = yaml.safe_load(FULL.read_text())
    config["interpreters"]["visibility"]["objective"]["fillings"] = {"mean": 1, "texture": 2}
    trained_with = Plan(complete(config), REPOSITORY).trained_with
    assert trained_with["u-noise"] == ["mean", "texture"]
    assert trained_with["u-noise-paper"] == ["noise"]
    assert not {"occlusion", "control-distance"} & trained_with.keys()
    plan = Plan(read_config(FULL), REPOSITORY)
    assert set(config["evaluation"]["obscurers"]) - set(plan.trained_with["u-noise"]) == {"blur", "donor"}
    assert isinstance(plan, ContestPlan)
    assert plan.contestants == ["u-noise"]


def test_an_augmentation_shows_an_interpreter_what_it_fills_with():
    config = yaml.safe_load(FULL.read_text())
    config["interpreters"]["visibility"]["training"]["augmentation"] = "robust"
    assert "blur" in Plan(complete(config), REPOSITORY).trained_with["u-noise"]


def test_seen_is_null_without_an_interpreter(tmp_path):
    pairs = [("u-noise", "mean"), ("u-noise", "blur"), ("occlusion", "mean")]
    marked = mark_seen(pd.DataFrame(pairs, columns=["explainer", "obscurer"], index=[4, 2, 9]), {"u-noise": ["mean"]})
    tables.write(tmp_path / "ranking.parquet", tables.RANKING, marked)
    assert tables.read(tmp_path / "ranking.parquet", tables.RANKING).seen.tolist() == [True, False, None]


def test_a_contestant_that_is_no_explainer_is_refused():
    config = yaml.safe_load(FULL.read_text())
    config["contests"]["explainers"] = ["u-nose"]
    with pytest.raises(UserError, match=r"contests\.explainers: 'u-nose' is no entry of `explainers`"):
        complete(config)


# Summary


def made_contests(**differences):
    """Rows of CONTESTS of one explainer: a rival a letter, by cell such as mean_original, p < .05 from .1 up."""
    rows = [
        {"target": "t", "explainer": "u-noise", "rival": rival, "judge": cell.split("_")[1], "patients": 12,
         "obscurer": cell.split("_")[0], "difference": one, "p": 0.01 if abs(one) >= 0.1 else 0.5,
         "at_1": one, "at_2": one - 0.02, "at_5": one, "smallest": one - 0.02}
        for cell, values in differences.items()
        for rival, one in zip("abc", values, strict=False)
    ]  # fmt: skip
    return mark_seen(pd.DataFrame(rows, columns=tables.CONTESTS.names), {"u-noise": ["mean"]})


def test_the_summary_says_where_it_wins_where_not_and_the_worst_cell():
    cells = {"mean_original": (0.3, 0.2), "mean_other": (0.3, 0.4), "blur_original": (0.3, -0.05)}
    intro, said, shown, note = contests_section(made_contests(**cells, blur_other=(-0.2, 0.01)), SILENT)
    assert "rival" in intro
    assert "better (adjusted p < 0.05) in 5 of 8 contests" in said
    assert (
        "2 rivals: than all of them under mean; than some under blur (original); than none under blur (other)" in said
    )
    assert "worst cell: agreement -0.220 against a at 2 % visible, hidden by blur, judged by other" in said
    blur, mean = (line.split("|") for line in shown.splitlines()[2:])
    assert [cell.strip() for cell in blur[1:-1]] == ["blur †", "-0.050, p 0.500 (b)", "-0.200, p 0.010 (a)"]
    assert mean[1].strip() == "mean"
    assert note.startswith("†")


def test_a_map_that_tells_is_said_to_where_it_wins():
    told = {"target": "t", "explainer": "u-noise", "judge": "original", "content": "donor", "visibility": 0.02}
    for leak, says in ((0.09, True), (0.01, False)):
        _, said, _ = contests_section(made_contests(mean_original=(0.3, 0.2)), pd.DataFrame([told | {"leak": leak}]))
        assert ("By their shape its masks tell" in said) == says


def test_with_few_patients_no_contest_counts_as_won():
    parts = contests_section(made_contests(mean_original=(0.3, 0.2)).assign(patients=2), SILENT)
    assert len(parts) == 3, "nothing unseen, so no footnote"
    assert "too few" in parts[1]
    assert "better" not in parts[1]
    assert "p 0" not in parts[2]
    assert "+0.200, not distinguishable (b)" in parts[2]


def test_other_judges_mark_the_unseen():
    rows = [{"explainer": "u-noise", "obscurer": name, "area": 0.5} for name in ("mean", "blur")]
    ranking = mark_seen(pd.DataFrame(rows).assign(target="t", judge="other", order="kept_first"), {"u-noise": ["mean"]})
    segmentation = pd.DataFrame(columns=tables.SEGMENTATION.names)
    text = "\n".join(judges_section({"other": "other-1a2b"}, segmentation, ranking))
    (row,) = (line.split() for line in text.splitlines() if line.startswith("| u-noise"))
    assert row == ["|", "u-noise", "|", "0.500", "†", "|", "0.500", "|"], "blur, mean"
