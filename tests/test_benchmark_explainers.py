"""The benchmark of explainers, in a tiny form."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

from unoise.workflow import methods

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "explainers.py"
CHEAP = ["occlusion", "grad_cam", "smooth_grad", "kernel_shap", "prediction", "u_noise"]


def test_every_explainer_that_is_asked_for_has_its_row_and_maps_like_its_peers(tmp_path):
    out = tmp_path / "table.md"
    options = ["--sides", "32", "--repeats", "1", "--steps", "4", "--threads", "1", "--only", *CHEAP, "--out", out]
    paths = os.pathsep.join(sys.path)
    subprocess.run([sys.executable, BENCHMARK, *options], check=True, env={**os.environ, "PYTHONPATH": paths})
    lines = [line.strip("|").split("|") for line in out.read_text().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line] for line in lines]
    table = pd.DataFrame(cells[2:], columns=cells[0])
    assert list(table.explainer) == sorted([*CHEAP, "occlusion"])
    assert set(CHEAP) <= set(methods.names("explainers"))
    occlusion = table[table.explainer == "occlusion"]
    assert list(occlusion.peer) == ["Captum Occlusion", "MONAI OcclusionSensitivity"]
    assert (occlusion["off by"].astype(float) < 1e-4).all()
    assert (occlusion["bfloat16 ÷ peer"].astype(float) > 0).all()
    assert table.set_index("explainer").peer["prediction"] == "–"
