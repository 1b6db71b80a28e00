"""Forbidden regions: pass, fail, not there, unknown; and what the command says and returns."""

import sys

import pandas as pd
import pytest

from unoise import cli, tables
from unoise.report.audit import audit_section
from unoise.statistics.audit import ABSENT, FAIL, PASS, UNKNOWN, audit
from unoise.workflow.config import complete
from unoise.workflow.manifest import Case, write_manifest
from unoise.workflow.plan import Plan

FORBIDDEN = {"regions": ["table", "outside-body"], "explainers": ["control-random"], "largest_mass": 0.4}


@pytest.fixture
def config(plain_config, tmp_path) -> dict:
    (tmp_path / "data").mkdir()
    for name in ("i", "l"):
        (tmp_path / "data" / name).touch()
    return plain_config | {"dataset": str(tmp_path / "data"), "forbidden": FORBIDDEN}


def made(model="m", **necessity: list) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of two patients: by region their necessity; as many of the top voxels lie there as by chance, 30 %."""
    rows, maps = [], []
    for region, values in necessity.items():
        for n, value in enumerate(values):
            shared = {"model": model, "target": "liver", "kind": "surroundings", "region": region.replace("_", "-"),
                      "patient": f"p{n}", "split": "test", "seed": 1, "share": 0.3}  # fmt: skip
            shared |= {"share": 0.0} if value == "none" else {}
            own = None if value in ("none", None) else value
            rows.append(shared | {"judge": "original", "obscurer": "mean", "agreement": None, "necessity": own})
            mass = None if value == "none" else 0.3
            maps += [
                shared | {"explainer": "control-random", "visibility": v, "mass": mass, "enrichment": None}
                for v in (0.02, 0.1)
            ]
    return pd.DataFrame(rows), pd.DataFrame(maps)


def verdicts(tables_: tuple, config: dict) -> dict:
    found = audit(*tables_, complete(config))
    return {(row.region, row.asked.split()[0]): (row.verdict, row.passed) for row in found.itertuples()}


def test_a_region_passes_where_the_mean_is_within_the_limit(config):
    found = verdicts(made(table=[0.0, 0.1], outside_body=[0.04, 0.07]), config)
    assert found["table", "agreement"] == (PASS, True), "exactly at the limit"
    assert found["outside-body", "agreement"] == (FAIL, False)
    assert found["table", "share"] == (PASS, True)
    config["forbidden"] = FORBIDDEN | {"largest_mass": 0.2}
    assert verdicts(made(table=[0.0, 0.1], outside_body=[0, 0]), config)["table", "share"] == (FAIL, False)


def test_what_is_not_there_passes_and_what_is_not_known_does_not(config):
    found = verdicts(made(table=["none", "none"], outside_body=[None, None]), config)
    assert found["table", "agreement"] == found["table", "share"] == (ABSENT, True)
    assert found["outside-body", "agreement"] == (UNKNOWN, False)
    assert verdicts(made(table=[0, 0]), config)["outside-body", "agreement"] == (UNKNOWN, False), "no row at all"
    mixed = audit(*made(table=["none", 0.5]), complete(config)).iloc[0]
    assert (mixed.verdict, mixed.patients, mixed["mean"]) == (FAIL, 1, 0.5), "not diluted by who has no table"


def test_only_what_has_a_limit_is_asked(config):
    config["forbidden"] = {"regions": ["table"]}
    assert list(verdicts(made(table=[0, 0]), config)) == [("table", "agreement")]


def test_the_section_counts_what_does_not_pass(config):
    text = "\n".join(audit_section(audit(*made(table=[0, 0], outside_body=[1, 1]), complete(config))))
    assert "**1 of 6 do not pass.**" in text
    assert "1.000 (1.000 to 1.000)" in text
    text = "\n".join(audit_section(audit(*made(table=[0, 0], outside_body=[0, 0]), complete(config))))
    assert "**All pass.**" in text


@pytest.fixture
def command(config, tmp_path, monkeypatch, save_yaml, capsys):
    """Runs `unoise audit` in a folder with tables; its exit code and all that it printed."""
    monkeypatch.chdir(tmp_path)
    path = save_yaml(tmp_path / "config" / "tiny.yaml", config)
    cases = [Case(name, name, split, "i", "l", "liver=1") for name, split in
             (("a", "train"), ("p0", "test"), ("p1", "test"))]  # fmt: skip
    write_manifest(tmp_path / "config" / "cases" / "tiny.tsv", cases)
    plan = Plan(complete(config), tmp_path)

    def run(model=plan.segmenter, **necessity: list) -> tuple[int, str]:
        if necessity:
            for file, schema, one in zip(plan.region_tables, (tables.REGION_NECESSITY, tables.REGION_MASS),
                                         made(model, **necessity), strict=True):  # fmt: skip
                tables.write(tmp_path / file, schema, one[schema.names])
        monkeypatch.setattr(sys, "argv", ["unoise", "audit", "--configfile", str(path)])
        try:
            cli.main()
        except SystemExit as end:
            said = "" if isinstance(end.code, int) else str(end.code)
            return end.code if isinstance(end.code, int) else 1, capsys.readouterr().out + said
        return 0, capsys.readouterr().out

    return run


def test_the_command_lists_verdicts_and_its_exit_code_tells(command):
    code, said = command(table=[0, 0], outside_body=[0.5, 0.7])
    assert code == 1
    assert (
        "FAIL      liver: outside-body: agreement lost when hidden by mean: 0.600 (0.500 to 0.700), limit 0.05" in said
    )
    assert said.strip().endswith("1 of 6 do not pass")
    code, said = command(table=[0, 0], outside_body=[0, 0])
    assert code == 0
    assert said.strip().endswith("all pass")


def test_tables_that_are_missing_or_of_another_model_are_refused(command):
    code, said = command()
    assert code == 1
    assert "Run the experiment first" in said
    code, said = command(model="segmenter-old", table=[0, 0])
    assert code == 1
    assert "of another model" in said


def test_nothing_forbidden_is_an_error(config, command, tmp_path, save_yaml):
    save_yaml(tmp_path / "config" / "tiny.yaml", config | {"forbidden": {}})
    code, said = command()
    assert code == 1
    assert "no region is forbidden" in said
