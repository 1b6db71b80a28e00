"""Scores by scanner, phase or sex: of the cases that belong there alone, and shown as they are named."""

import json

import numpy as np
import pandas as pd
import pytest

from unoise import tables
from unoise.data.census import describe_cases
from unoise.report.subgroups import subgroups_section
from unoise.statistics.subgroups import subgroup_scores
from unoise.workflow.manifest import Case

KEPT = {0.01: 20, 0.02: 40, 0.05: 60, 0.1: 80, 1.0: 100}  # of 100 clean voxels, found with so much visible


def made_metrics(found: dict[str, tuple[str, int]]) -> pd.DataFrame:
    """Rows of METRICS of cases: by case its patient and how many voxels less are found."""
    fixed = {"model": "m", "target": "t", "explainer": "e", "unit": 0, "judge": "original", "obscurer": "mean",
             "repeat": 0, "seed": 1, "voxels": 1000, "visible": 10, "body": 500, "visible_body": 5,
             "label": 100}  # fmt: skip
    return pd.DataFrame(
        fixed | {"case": case, "patient": patient, "split": "test", "order": "kept_first", "visibility": v,
                 "clean": 100, "obscured": 100, "obscured_label": 50, "obscured_clean": kept - less}
        for case, (patient, less) in found.items()
        for v, kept in KEPT.items()
    )  # fmt: skip


METRICS = made_metrics({"a": ("p", 0), "b": ("p", 10), "c": ("q", 20)})
SCANNERS = {"scanner": {"a": "X|1", "b": "Y", "c": "X|1"}}


def test_a_patient_with_two_cases_is_in_each_subgroup_with_the_case_that_belongs_there(tmp_path):
    tables.write(tmp_path / "subgroups.parquet", tables.SUBGROUPS, subgroup_scores(METRICS, SCANNERS, 200, 1))
    found = tables.read(tmp_path / "subgroups.parquet", tables.SUBGROUPS).set_index(["value", "score"])
    assert found.loc[("X|1", "agreement_at_10"), "mean"] == pytest.approx((0.8 + 0.6) / 2)
    assert found.loc[("X|1", "agreement_at_10"), "patients"] == 2
    assert found.loc[("Y", "agreement_at_10"), "mean"] == pytest.approx(0.7)
    assert pd.isna(found.loc[("Y", "agreement_at_10"), "low"]), "one patient has no interval"
    assert found.loc[("X|1", "kept_first_area"), "low"] < found.loc[("X|1", "kept_first_area"), "high"]


def test_cases_of_which_nothing_is_known_are_a_subgroup_without_a_value():
    found = subgroup_scores(METRICS, {"sex": {"a": "", "b": "", "c": "F"}}, 200, 1)
    at_2 = found[found.score == "agreement_at_2"]
    assert dict(zip(at_2.value.fillna("none"), at_2["mean"], strict=True)) == {
        "F": pytest.approx(0.2),
        "none": pytest.approx(0.35),
    }


def test_without_any_agreement_the_table_is_empty():
    empty = METRICS.assign(clean=0, obscured=0, obscured_clean=0)
    assert subgroup_scores(empty, SCANNERS, 200, 1).empty
    assert len(subgroups_section(subgroup_scores(empty, SCANNERS, 200, 1))) == 1


def test_the_section_shows_values_literally_with_their_patients():
    text = "\n".join(subgroups_section(subgroup_scores(METRICS, SCANNERS, 200, 1)))
    assert "**t by scanner, hidden by mean**" in text
    assert "X\\|1 (2 patients)" in text
    assert "Y (1 patient)" in text


def test_the_table_of_cases_holds_further_columns_as_texts(tmp_path, save_nifti):
    volume = save_nifti(tmp_path / "v.nii.gz", np.ones((4, 4, 4), np.uint8))
    source = tmp_path / "source.json"
    source.write_text(json.dumps({"shape": [4, 4, 4], "affine": np.eye(4).tolist(), "axes": "RAS"}))
    cases = [
        Case("a", "a", "train", "i", "l", "liver=1", subgroups=(("age", "07"), ("sex", "F"))),
        Case("b", "b", "test", "i", "l", "liver=1", subgroups=(("age", ""), ("sex", "M"))),
    ]
    paths = {name: [volume] * 2 for name in ("scans", "annotations", "labels", "bodies")} | {"sources": [source] * 2}
    path = tmp_path / "cases.parquet"
    schema = tables.with_subgroups(tables.CASES, ["age", "sex"])
    tables.write(path, schema, describe_cases(cases, {"liver": ["liver"]}, **paths))
    whole = pd.read_parquet(path)
    assert whole["age"].fillna("null").tolist() == ["07", "null"]
    assert whole["sex"].tolist() == ["F", "M"]
    assert list(tables.read(path, tables.CASES)) == tables.CASES.names
