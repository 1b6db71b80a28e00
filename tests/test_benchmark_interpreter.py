"""The table of the interpreter's goals, from a made set of tables."""

import runpy
import sys
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from unoise import tables

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "interpreter.py"
OBSCURERS, JUDGES = ("mean", "noise", "blur", "donor"), ("original", "other")
HEIGHTS = {
    "u-noise": 0.97,
    "u-noise-paper": 0.4,
    "occlusion": 0.7,
    "grad-cam": 0.6,
    "control-random": 0.2,
    "control-x": 0.5,
}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return a function that runs the benchmark on made tables and returns the cells by row."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> dict[str, list[str]]:
        monkeypatch.setattr(sys, "argv", ["interpreter.py", *arguments])
        runpy.run_path(str(BENCHMARK), run_name="__main__")
        lines = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
        return {line[0].strip(): [cell.strip() for cell in line[1:]] for line in lines[2:]}

    return call


@pytest.fixture
def made(tmp_path):
    """All tables of a run, two test patients."""
    key = {"model": "m", "target": "t"}
    curves = pd.DataFrame(
        [
            {**key, "explainer": e, "obscurer": o, "judge": j, "visibility": v, "patient": p, "split": "test",
             "order": order, "agreement": height + (0.01 if p == "a" else -0.01) - (order == "removed_first")}
            for (e, height), o, j, v, p, order in product(
                HEIGHTS.items(), OBSCURERS, JUDGES, (0.01, 0.02, 0.05, 0.1), "ab", ("kept_first", "removed_first")
            )
        ]
    )  # fmt: skip
    curves.loc[curves.visibility == 0.01, "agreement"] -= 0.2
    ours = (curves.explainer == "u-noise") & (curves.obscurer == "blur") & (curves.judge == "other")
    curves.loc[ours & (curves.visibility == 0.1), "agreement"] -= 0.3
    leak = [
        {**key, "explainer": e, "judge": judge, "content": content, "visibility": v, "patient": p, "leak": one}
        for e, judge, content, v, p, one in (
            ("u-noise", "original", "donor", 0.02, "a", 0.05),
            ("u-noise", "original", "donor", 0.02, "b", -0.01),
            ("u-noise", "original", "scrambled", 0.1, "a", 0.01),
            ("u-noise", "other", "donor", 0.02, "a", 0.9),
            ("control-random", "original", "donor", 0.02, "a", 0.04),
            ("control-x", "original", "donor", 0.02, "a", 0.07),
        )
    ]
    contests = [
        {**key, "explainer": "u-noise", "rival": rival, "judge": "original", "obscurer": "donor", "patients": 2,
         "difference": difference, "p": p, "smallest": difference - 0.1}
        for rival, difference, p in (("occlusion", 0.2, 0.01), ("grad-cam", -0.3, 0.01), ("control-x", 0.3, 0.2))
    ]  # fmt: skip
    costs = [
        {"stage": "train", "model": model, "seconds": seconds, "forwards": passes, "backwards": passes}
        for model, seconds, passes in (
            ("segmenter-0a1b2c3d", 100.0, 50),
            ("visibility-0a1b2c3d", 90.0, 200),
            ("paper-0a1b2c3d", 30.0, 50),
            ("paper-small-0a1b2c3d", 1.0, 1),
        )
    ]
    seen = {("u-noise", "mean"): True, ("u-noise", "donor"): False, ("occlusion", "mean"): None}
    ranking = [{**key, "explainer": e, "obscurer": o, "judge": "original", "seen": one} for (e, o), one in seen.items()]
    made = {"curves": curves, "ranking": ranking, "leak": leak, "contests": contests, "costs": costs}
    folder = tmp_path / "results" / "phantom-full" / "tables"
    for name, rows in made.items():
        tables.write(folder / f"{name}.parquet", getattr(tables, name.upper()), rows)
    return folder


def test_every_goal_has_its_number(run, made):
    found = run()
    assert found["agreement at 2 % visible, mean"] == [
        "≥ 0.92", "**0.970**", "0.400", "0.500 (control-x)", "0.700 (occlusion)"
    ]  # fmt: skip
    assert found["agreement at 5 % visible, noise"][:2] == ["≥ 0.92", "**0.970**"]
    assert found["agreement at 10 % visible, worst obscurer and judge"][:2] == ["≥ 0.95", "0.670 (blur, other)"]
    assert found["largest dip of a curve, over obscurers and judges"][:2] == ["≤ 0.01", "0.300 (blur, other)"]
    leak = ["≤ 0.03", "**0.020**", "–", "0.040 (control-random)", "–"]
    assert found["leak, largest over contents from 2 % visible up"] == leak
    worst = ["≥ -0.01", "-0.400 (grad-cam, donor, original)", "–", "–", "–"]
    assert found["worst cell against any rival, 1 to 10 % visible"] == worst
    assert found["contests won at adjusted p < 0.05"] == ["–", "1 (of 3)", "–", "–", "–"]
    assert found["training seconds ÷ the segmenter's"][:3] == ["≤ 1", "**0.900**", "**0.300**"]
    assert found["training passes ÷ the segmenter's"][:3] == ["–", "4", "1"]


def test_what_an_interpreter_never_met_is_marked(run, made):
    found = run()  # columns: blur, donor, mean, noise, mean of all, leak
    assert found["u-noise"][1] == "0.77 0.97 0.97 0.97 †"
    assert found["u-noise"][2] == "0.77 0.97 0.97 0.97"
    assert "†" not in "".join(found["occlusion"])


def test_the_mean_of_all_is_over_obscurers_and_judges_but_not_at_one_percent(run, made):
    found = run()
    assert found["occlusion"][-2] == "0.700"
    assert found["u-noise"][-2] == f"{0.97 - 0.3 / 24:.3f}", "one of 4 obscurers, 2 judges, 3 fractions is lower by 0.3"


def test_the_table_is_written_where_that_is_asked_for(run, made, tmp_path):
    run("--out", "docs/goals.md")
    text = (tmp_path / "docs" / "goals.md").read_text()
    assert "## t" in text
    assert "Processor of this machine: " in text


def test_missing_tables_name_the_command_that_makes_them(run, made):
    (made / "contests.parquet").unlink()
    with pytest.raises(SystemExit, match=r"there is no contests\.parquet.*--configfile config/phantom_full\.yaml`\.$"):
        run()
    with pytest.raises(SystemExit, match=r"results/phantom/tables: .*config/config\.yaml"):
        run("--experiment", "phantom")
