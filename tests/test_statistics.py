import numpy as np
import pandas as pd
import pytest
from scipy import stats

from unoise import tables
from unoise.statistics.curves import areas, log_area, patient_curves
from unoise.statistics.intervals import holm, mean_interval, signed_rank
from unoise.statistics.ranking import ranking

KEPT = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0]


def metrics_row(**changed):
    row = dict.fromkeys(tables.METRICS.names, 0) | {
        "model": "m", "target": "t", "explainer": "e", "case": "c", "patient": "p", "split": "test",
        "judge": "original", "obscurer": "mean", "order": "kept_first", "visibility": 0.1, "body": 50,
    }  # fmt: skip
    return row | changed


def test_scores_are_pooled_over_a_patients_units_and_null_without_a_reference():
    rows = [
        metrics_row(unit=0, label=10, clean=20, obscured=10, obscured_label=5, obscured_clean=10, visible_body=10),
        metrics_row(unit=1, label=30, clean=20, obscured=0, visible_body=20, case="second"),
        metrics_row(unit=0, patient="q", obscured=5, visible_body=50),
    ]
    curves = patient_curves(pd.DataFrame(rows)).set_index("patient")
    assert curves.loc["p", "dice"] == pytest.approx(2 * 5 / (10 + 40))
    assert curves.loc["p", "agreement"] == pytest.approx(2 * 10 / (10 + 40))
    assert curves.loc["p", "visibility_body"] == pytest.approx(0.3)
    assert np.isnan(curves.loc["q", ["dice", "agreement"]].astype(float)).all()


def test_area_is_over_the_log_of_the_visible_or_removed_fraction():
    fraction = np.array([0.01, 0.1, 1.0])
    assert log_area(fraction, np.array([1.0, 1.0, 1.0])) == pytest.approx(1)
    assert log_area(fraction, np.array([0.0, 1.0, 1.0])) == pytest.approx(0.75)
    base = {"model": "m", "target": "t", "explainer": "e", "split": "test", "judge": "o", "obscurer": "mean"}
    rows = [base | {"patient": "p", "order": "kept_first", "visibility": v, "agreement": v} for v in KEPT]
    rows += [base | {"patient": "p", "order": "removed_first", "visibility": 1 - v, "agreement": v} for v in KEPT]
    rows += [base | {"patient": "q", "order": "kept_first", "visibility": v, "agreement": None} for v in KEPT]
    found = areas(pd.DataFrame(rows))
    assert set(found.patient) == {"p"}
    assert found.area.nunique() == 1


def test_holm_is_the_published_adjustment():
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_interval_covers_the_mean_and_is_null_for_one_patient():
    values = np.random.default_rng(0).normal(1, 1, 30)
    low, high = mean_interval(values, 2000, 1)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(30), rel=0.15)
    assert mean_interval(values[:1], 2000, 1) == (None, None)
    assert signed_rank(values[:7]) is None
    assert signed_rank(values[:8]) is not None


def made_areas(splits=("validation", "test")):
    random = np.random.default_rng(3)
    mean = {"good": 0.8, "bad": 0.4, "control-one": 0.5, "control-two": 0.6}
    rows = []
    for split in splits:
        for number in range(10):
            shift = random.normal(0, 0.05)
            for explainer, value in mean.items():
                if split == "validation":
                    value = {"control-one": 0.7, "control-two": 0.6}.get(explainer)
                if value is not None:
                    rows.append(
                        {"model": "m", "target": "t", "judge": "o", "obscurer": "mean", "order": "kept_first",
                         "explainer": explainer, "patient": f"{split}{number}", "split": split,
                         "area": value + shift + random.normal(0, 0.01)}
                    )  # fmt: skip
    return pd.DataFrame(rows)


def test_ranking_compares_with_the_control_that_was_best_on_validation_patients():
    found = ranking(made_areas(), 500, 1).set_index("explainer")
    assert set(found.best_control) == {"control-one"}
    assert set(found.control_chosen_on) == {"validation"}
    assert found["rank"].sort_values().index.tolist() == ["good", "control-two", "control-one", "bad"]
    assert found.loc["good", "gain"] == pytest.approx(0.3, abs=0.02)
    assert found.loc["good", "gain_low"] > 0.25
    assert found.loc["good", "p"] == pytest.approx(2 * stats.wilcoxon(np.arange(1, 11)).pvalue)
    assert found.loc["bad", "gain_high"] < 0
    assert np.isnan(found.loc["control-two", "p"])


def test_equals_share_a_rank():
    areas = made_areas()
    good = areas[areas.explainer == "good"]
    areas = pd.concat([areas, good.assign(explainer="as-good")])
    found = ranking(areas, 500, 1).set_index("explainer")
    assert found.loc[["good", "as-good", "control-two"], "rank"].tolist() == [1, 1, 3]


def test_ranking_without_validation_patients_says_that_the_control_was_chosen_on_test():
    found = ranking(made_areas(("test",)), 500, 1)
    assert set(found.best_control) == {"control-two"}
    assert set(found.control_chosen_on) == {"test"}


def test_removed_first_a_smaller_area_is_better():
    removed = made_areas().assign(order="removed_first")
    found = ranking(removed, 500, 1).set_index("explainer")
    assert found.loc["bad", "rank"] == 1
    assert found.loc["bad", "gain"] > 0 > found.loc["good", "gain"]


def test_a_segmenter_that_finds_nothing_gives_empty_tables_and_no_error(tmp_path):
    rows = [metrics_row(visibility=v, label=10, order=order) for v in KEPT for order in ("kept_first", "removed_first")]
    curves = patient_curves(pd.DataFrame(rows))
    assert curves.agreement.isna().all()
    tables.write(tmp_path / "ranking.parquet", tables.RANKING, ranking(areas(curves), 500, 1))
    assert tables.read(tmp_path / "ranking.parquet", tables.RANKING).empty
