"""The benchmark of accidents: what it compares, and three of them."""

import re
import subprocess
import sys
from itertools import islice

import numpy as np
import pytest
from project import PROJECT
from safetensors.numpy import save_file

from chaos import differences, outcome, schedule
from unoise import tables


def made_results(root, dice=0.5, seconds=1.0, weight=1.0, leak=0.1):
    """The results of a run, of one table each kind."""
    tables.write(root / "cases.parquet", tables.CASES, [{"case": "a", "shape": [1, 2, 3]}])
    tables.write(root / "tables/segmentation.parquet", tables.SEGMENTATION, [{"case": "a", "dice": dice}])
    tables.write(root / "tables/costs.parquet", tables.COSTS, [{"stage": "train", "forwards": 3, "seconds": seconds}])
    scores = [{"score": "seconds", "mean": seconds}, {"score": "leak", "mean": leak}]
    tables.write(root / "tables/scores.parquet", tables.SCORES, scores)
    (root / "models/m").mkdir(parents=True)
    save_file({"w": np.full(2, weight, np.float32)}, root / "models/m/model.safetensors")
    return outcome(root)


def test_a_changed_number_is_found_and_time_may_change(tmp_path):
    undisturbed = made_results(tmp_path / "undisturbed")
    assert not differences(undisturbed, made_results(tmp_path / "slow", seconds=2.0))
    other = made_results(tmp_path / "other", np.nextafter(0.5, 1), 1.0, np.nextafter(np.float32(1), 2), leak=0.2)
    changed = ["models/m/model.safetensors", "tables/scores.parquet", "tables/segmentation.parquet"]
    assert differences(undisturbed, other) == changed
    del other["cases.parquet"]
    assert "cases.parquet" in differences(undisturbed, other)


def test_a_seed_says_what_happens_and_each_kind_comes_as_often():
    first, again, other = (list(islice(schedule(seed), 8)) for seed in (1, 1, 2))
    assert first == again != other
    assert len({(one.victim, one.signal) for one in first[:4]}) == 4


@pytest.mark.slow
def test_three_accidents_and_the_results_are_those_of_an_undisturbed_run():
    command = [sys.executable, PROJECT / "benchmarks" / "chaos.py", "--kills", "3"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\| all \| +\| 3 \| 3 of 3 \| 0 \|", done.stdout)
