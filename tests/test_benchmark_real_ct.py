"""The folds of benchmarks/real_ct.py."""

import json
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

BENCHMARK = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "real_ct.py"))
LIVER, KIDNEY = 1, 2


@pytest.fixture
def task(tmp_path, save_nifti):
    """Four scans of three patients; one patient's scans show no left kidney."""
    cases = {"totalseg_3mm": [LIVER], "totalseg_native": [LIVER], "a": [LIVER, KIDNEY], "b": [LIVER, KIDNEY]}
    training = []
    for name, values in cases.items():
        label = np.zeros((4, 4, 4), np.uint8)
        label.flat[: len(values)] = values
        entry = {kind: f"./{kind}sTr/{name}.nii.gz" for kind in ("image", "label")}
        save_nifti(tmp_path / entry["image"], np.zeros((4, 4, 4), np.int16))
        save_nifti(tmp_path / entry["label"], label)
        training.append(entry)
    labels = {"0": "background", str(LIVER): "liver", str(KIDNEY): "kidney_left"}
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels, "training": training}))
    return tmp_path


def test_each_patient_is_left_out_once_with_all_their_scans(task):
    made = BENCHMARK["folds"](task, "liver")
    assert set(made) == {"real-ct-liver-a", "real-ct-liver-b", "real-ct-liver-totalseg"}
    assert made["real-ct-liver-a"]["cases"]["split_of"] == {"a": "test", "b": "train", "totalseg": "train"}


def test_a_patient_without_the_organ_makes_no_fold_and_is_named(task, capsys):
    made = BENCHMARK["folds"](task, "kidney_left")
    assert set(made) == {"real-ct-kidney-left-a", "real-ct-kidney-left-b"}
    assert made["real-ct-kidney-left-a"]["classes"] == {"kidney-left": ["kidney_left"]}
    assert capsys.readouterr().out.count("left out: ") == 2


@pytest.mark.parametrize(("ours", "above"), [(0.9, True), (0.6, False)])
def test_ours_must_lie_above_every_control_under_every_obscurer(ours, above):
    agreement = {"u-noise": 0.9, "occlusion": 1.0, "control-random": 0.1, "control-distance": 0.7}
    rows = [
        {"obscurer": obscurer, "explainer": explainer, 0.05: one, 0.1: one}
        for obscurer in ("mean", "blur")
        for explainer, one in agreement.items()
    ]
    table = pd.DataFrame(rows).set_index(["obscurer", "explainer"]).sort_index()
    table.loc[("blur", "u-noise"), 0.1] = ours
    assert BENCHMARK["above_controls"](table) == above


def test_the_best_control_is_found_cell_by_cell():
    rows = {
        "u-noise": (0.5, 0.6, 0.7, 0.8),
        "control-random": (0.1, 0.9, 0.1, 0.1),
        "control-distance": (0.4, 0.2, 0.3, 0.4),
    }
    table = pd.DataFrame(rows, index=BENCHMARK["VISIBILITIES"]).T.rename_axis("explainer")
    table = pd.concat({"mean": table}, names=["obscurer"])
    found = BENCHMARK["beside_best_control"](table)
    assert found.loc["mean"].to_dict() == {"best control": "0.40 0.90 0.30 0.40", "u-noise": "0.50 0.60 0.70 0.80"}
