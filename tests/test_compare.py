"""`unoise compare`: two experiments or models on the patients that they share."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from unoise import cli, tables
from unoise.statistics.comparison import compare_curves

KEPT = {0.01: 0.2, 0.02: 0.3, 0.05: 0.5, 0.1: 0.6, 1.0: 1.0}


def made_curves(patients: int, more: float = 0.0, model="m", explainers=("e", "control-random")) -> pd.DataFrame:
    return pd.DataFrame(
        {"model": model, "target": "t|u", "explainer": explainer, "patient": f"p{n}", "split": "test",
         "judge": "original", "obscurer": "mean", "order": "kept_first", "visibility": v, "seed": 1,
         "visibility_body": v, "dice": None, "agreement": value + (more + 0.001 * n) * (value < 1)}
        for n in range(patients) for explainer in explainers for v, value in KEPT.items()
    )  # fmt: skip


def store(name: str, curves: pd.DataFrame, images: str = "hash") -> Path:
    folder = Path("results") / name
    tables.write(folder / "tables" / "curves.parquet", tables.CURVES, curves)
    rows = [{"case": p, "patient": p, "split": "test", "image_sha256": images + p} for p in curves["patient"].unique()]
    tables.write(folder / "cases.parquet", tables.CASES, rows)
    return folder


@pytest.fixture
def compare(tmp_path, monkeypatch, capsys):
    """Runs the command in an empty folder; what it prints, or its error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["unoise", "compare", *arguments])
        try:
            cli.main()
        except SystemExit as end:
            return str(end.code)
        return capsys.readouterr().out

    return run


def test_differences_are_paired_and_tested():
    a, b = made_curves(8), made_curves(8, 0.1)
    found = compare_curves(a, b, 500, 1).set_index(["score", "explainer"])
    row = found.loc[("agreement_at_5", "e")]
    assert row.difference == pytest.approx(0.1)
    assert (row.low, row.high) == (pytest.approx(0.1), pytest.approx(0.1)), "patients differ alike in both"
    assert row.p == pytest.approx(2 * 2 / 2**8), "the smallest of 8 patients, twice for two explainers"
    assert set(found.index.get_level_values("score")) == {
        "kept_first_area", "agreement_at_2", "agreement_at_5", "agreement_at_10"}  # fmt: skip
    assert compare_curves(a[a.patient < "p7"], b, 500, 1).p.isna().all(), "seven are too few"


def test_the_page_has_both_means_the_difference_and_who_is_alone(compare, tmp_path):
    store("one", made_curves(9, explainers=("e", "f")))
    store("two", made_curves(12, 0.1, "n"))
    page = compare("one", "two", "--out", "page.md")
    assert (tmp_path / "page.md").read_text() == page
    assert "9 test patients" in page
    assert "## t\\|u, hidden by mean, judged by original" in page
    assert "| e           |" in page
    assert "0.504 | 0.604 | +0.100 (+0.100 to +0.100) | 0.004" in page
    assert "Only in one: f." in page
    assert "Only in two: control-random." in page


def test_with_few_patients_nothing_is_distinguishable(compare):
    store("one", made_curves(3))
    store("two", made_curves(3, 0.1))
    page = compare("one", "two")
    assert page.count("not distinguishable") == 8
    assert "< 0.0" not in page


def test_a_model_and_a_folder_can_be_named_too(compare, tmp_path):
    store("one", made_curves(3, model="segmenter-1"))
    folder = store("two", made_curves(3, model="segmenter-2"))
    assert "A is segmenter-1 (model segmenter-1), B is" in compare("segmenter-1", str(folder))


def test_what_cannot_be_compared_is_one_line(compare):
    store("one", made_curves(3))
    store("other", made_curves(3), images="of another dataset")
    store("foreign", made_curves(3, explainers=("g",)))
    assert "no experiment and no model 'two'; " not in compare("one", "one")
    said = compare("one", "two")
    assert "there is no experiment and no model 'two'" in said
    assert "foreign, one, other" in said
    assert "share no test patient" in compare("one", "other")
    assert "no explainer, target, obscurer and judge of the same names" in compare("one", "foreign")
    Path("results/empty").mkdir()
    assert "empty has no results" in compare("one", "empty")
    store("mixed", pd.concat([made_curves(2), made_curves(2, model="n")]))
    assert "mixed has results of 2 models" in compare("one", "mixed")
