"""The benchmark of the evaluation, in a tiny form."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "evaluation.py"
APART = ["zero", "mean", "noise", "donor"]


def test_each_obscurer_apart_and_four_together_have_a_row_with_the_ratio_of_its_rates():
    options = ["--size", "32", "--batch", "16", "--precision", "float32", "--repetitions", "1"]
    paths = os.pathsep.join(sys.path)
    run = [sys.executable, BENCHMARK, *options]
    text = subprocess.run(
        run, check=True, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    ).stdout
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    table = pd.DataFrame(lines[2:], columns=lines[0])
    assert list(table.obscurers) == [*APART, ", ".join(APART), "road"]
    slices, evaluation, bare, ratio = (table[name].astype(float) for name in table.columns[2:])
    assert slices[0] > 0
    assert list(slices / slices[0]) == [1, 1, 1, 1, 4, 1], "every obscurer is seen at as many visibilities"
    assert list(ratio) == pytest.approx(list(evaluation / bare), abs=0.01)
