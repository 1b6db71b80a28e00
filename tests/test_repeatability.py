"""A run in which an explainer fails, and one without it: all else is finished, and the same to the last digit."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from project import Project

from unoise import tables

MINIATURE = Path(__file__).parent / "configs" / "miniature.yaml"
KEPT = ("experiment", "seed", "dataset", "phantom", "cases", "classes", "targets", "preprocess", "segmenter")
EXPLAINERS = ("u-noise-paper-small", "grad-cam", "control-random", "control-distance")


def small_config() -> dict:
    """The miniature with four explainers, one obscurer and no section that is not needed."""
    config = yaml.safe_load(MINIATURE.read_text())
    return {key: config[key] for key in KEPT} | {
        "interpreters": {"paper-small": config["interpreters"]["paper-small"]},
        "explainers": {key: config["explainers"][key] for key in EXPLAINERS},
        "evaluation": {"obscurers": {"mean": {}, "noise": {}}, "min_voxels": 5, "resamples": 200},
        "compute": config["compute"],
    }


def started(folder: Path, config: dict) -> Project:
    project = Project(folder, MINIATURE)
    project.write_config(config)
    project.cases()
    return project


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """On two cores, with maps that should have been made elsewhere and are not there."""
    project = started(tmp_path_factory.mktemp("failed"), small_config())
    (project.folder / "maps").mkdir()
    explainers = project.config["explainers"] | {"theirs": {"method": "external", "folder": "maps"}}
    project.write_config(project.config | {"explainers": explainers})
    project.done = project.snakemake()
    return project


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """On one core, in other batches, without these maps, and none of its own kept."""
    config = small_config()
    config["compute"] = config["compute"] | {"cases_per_job": 1, "keep_maps": "none"}
    project = started(tmp_path_factory.mktemp("sound"), config)
    done = project.call("snakemake", "--cores", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    return project


@pytest.mark.slow
def test_a_failed_explainer_leaves_the_others_finished_and_the_summary_says_so(failed):
    output = failed.done.stdout + failed.done.stderr
    assert failed.done.returncode == 1, output
    assert "Traceback" not in output
    summary = (failed.results / "summary.md").read_text()
    missing = summary.split("## What is missing")[1].split("\n## ")[0]
    assert re.search(r"- explainer theirs: case \S+: maps/\S+: the map does not exist", missing)
    assert set(failed.read("tables/ranking.parquet").explainer) == set(EXPLAINERS)


@pytest.mark.slow
def test_the_next_run_plans_what_failed_and_what_depends_on_it_alone(failed):
    for path in failed.results.glob("importance/*/pancreas/grad-cam/*.nii.gz"):
        shutil.copy(path, failed.folder / "maps")
    gathering = "Gathering|Pooling|Ranking|Drawing|Writing summary|Asking how|Measuring how conc|Estimating"
    assert {one for one in failed.planned() if not re.match(gathering, one)} == {
        "Explaining pancreas by theirs",
        "Evaluating theirs for pancreas",
        "Looking for what theirs tells of pancreas",
    }


@pytest.mark.slow
def test_tables_do_not_depend_on_cores_batches_or_the_order_of_jobs(failed, sound):
    one, other = ({path.name: path for path in each.results.glob("tables/*.parquet")} for each in (failed, sound))
    assert one.keys() == other.keys()
    for name in one:
        schema = getattr(tables, Path(name).stem.upper())
        first, second = (tables.stable(tables.read(each[name], schema), schema) for each in (one, other))
        pd.testing.assert_frame_equal(first, second, check_exact=True, obj=name)


@pytest.mark.slow
def test_maps_that_are_not_kept_are_gone_from_results_and_store(sound):
    assert not list(sound.results.glob("importance/**/*.nii.gz"))
    assert not list(sound.results.glob("store/explain/**/*.nii.gz"))
    assert not sound.planned()


@pytest.mark.slow
def test_provenance_lies_beside_the_results_and_is_cited(failed):
    found = json.loads((failed.results / "provenance.json").read_text(encoding="utf-8"))
    assert found["seeds"]["phantom.seed"] == 7
    assert found["config"]["segmenter"]["training"]["epochs"] == 12
    assert found["config"]["leave_out"]["explainers"].keys() == {"theirs"}
    assert found["environment"]["libraries"]["torch"]
    cases = failed.read("cases.parquet").set_index("case")
    assert {case: one["image_sha256"] for case, one in found["data"].items()} == cases.image_sha256.to_dict()
    assert "(provenance.json)" in (failed.results / "summary.md").read_text()


@pytest.mark.slow
def test_a_file_that_was_cut_short_is_named_and_its_command_repairs_it(sound):
    assert sound.call("unoise", "check").returncode == 0
    path = sound.results / "tables" / "curves.parquet"
    path.write_bytes(path.read_bytes()[:100])
    (sound.results / "mine.txt").write_text("mine")
    checked = sound.call("unoise", "check")
    assert checked.returncode == 1
    assert "curves.parquet: it is cut short, 100 of" in checked.stdout
    assert "results/miniature/mine.txt: no job of this workflow wrote it" in checked.stdout
    (sound.results / "mine.txt").unlink()
    for command in re.findall(r"^  (snakemake .*)$", checked.stdout, re.MULTILINE):
        done = sound.call(*command.split())
        assert done.returncode == 0, done.stderr
    assert sound.call("unoise", "check").returncode == 0
