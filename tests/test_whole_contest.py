"""`config/contest.yaml` with every explanation, control, obscurer and judge that it names, on few tiny patients."""

from itertools import product

import pytest
import yaml
from project import PROJECT, Project

from unoise.workflow import methods

CONTEST = PROJECT / "config" / "contest.yaml"
LEFT_OUT = {"external"}  # shows maps that the user brings
FEW = {
    "occlusion": {"patch": 16, "stride": 16},
    "rise": {"masks": 20},
    "kernel-shap": {"features": 8, "samples": 20},
    "kernel-shap-structures": {"rest": 4, "samples": 20},
    "extremal": {"steps": 3, "cells": 8},
}


def miniature() -> dict:
    """The config with a large organ, so that a tiny network finds it, and with few of everything that may be few."""
    config = yaml.safe_load(CONTEST.read_text(encoding="utf-8"))
    config |= {
        "phantom": {"patients": 4, "seed": 7},
        "cases": {"split_shares": {"train": 0.5, "validation": 0.25, "test": 0.25}},
        "classes": {"liver": ["liver"]},
        "targets": {
            "liver": {"class": "liver"},
            "liver-border": {"kind": "border", "class": "liver", "inner_mm": 8, "outer_mm": 8},
        },
        "preprocess": {"spacing": [8.0, 8.0, 10.0], "shape": [48, 48, None], "window": [-160, 240]},
    }
    config["segmenter"]["network"] |= {"channels": [8, 8, 16, 16, 16], "num_res_units": 1}
    config["segmenter"]["training"] |= {"epochs": 8, "learning_rate": 0.01}
    config["judges"]["other"]["training"] |= {"epochs": 4, "learning_rate": 0.01}
    for interpreter in config["interpreters"].values():
        interpreter["training"]["epochs"] = 1
    for name, settings in FEW.items():
        config["explainers"][name] |= settings
    few = {"kept_first": [0.01, 0.1, 0.5, 1.0], "removed_first": [0.99, 0.5, 0.0], "leak_visibilities": [0.05]}
    config["evaluation"] |= few | {"resamples": 100, "min_voxels": 5}
    config["faithfulness"] |= {"units": 1, "perturbations": 4, "samples": 1}
    config["sanity"] |= {"units": 1, "stages": 2}
    return config


def test_the_contest_names_every_explainer_and_obscurer():
    config = yaml.safe_load(CONTEST.read_text(encoding="utf-8"))
    named = {one["method"] for one in config["explainers"].values()}
    assert named == set(methods.names("explainers")) - LEFT_OUT
    assert set(config["evaluation"]["obscurers"]) == set(methods.names("obscurers"))


@pytest.mark.slow
def test_everything_that_the_contest_names_is_explained_evaluated_and_shown(tmp_path):
    project = Project(tmp_path, CONTEST)
    project.write_config(miniature())
    project.cases()
    done = project.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    curves = project.read("tables/curves.parquet").dropna(subset="agreement")
    config = project.config
    wanted = product(config["targets"], config["explainers"], config["evaluation"]["obscurers"], ["original", "other"])
    missing = set(wanted) - set(curves[["target", "explainer", "obscurer", "judge"]].itertuples(index=False, name=None))
    assert not missing
    summary = (project.results / "summary.md").read_text()
    assert all(f"| {name} " in summary for name in config["explainers"])
