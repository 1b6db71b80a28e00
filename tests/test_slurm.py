"""A run on a SLURM cluster whose submitting Snakemake is killed. Skipped where no controller answers."""

import shutil
import signal
import subprocess
import time

import pytest
from project import PROJECT, Project

MINIATURE = PROJECT / "tests" / "configs" / "miniature.yaml"
# Trainings ask for 12 hours, which a partition for tests may not allow.
SUBMIT = ("snakemake", "segmenter", "--profile", "profiles/slurm", "--set-resources", "train_segmenter:runtime=60")
PATIENCE = 600  # s


@pytest.fixture
def cluster():
    """Return a function that lists the comments of the jobs in the queue, each with the name of its rule."""

    def queue(*options: str) -> list[str]:
        done = subprocess.run(["squeue", "--noheader", "--format=%k", *options], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    if not shutil.which("sinfo") or subprocess.run(["sinfo"], capture_output=True).returncode:
        pytest.skip("no SLURM controller answers here")
    return queue


def wait_for(condition) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE} s"
        time.sleep(0.5)


@pytest.mark.slow
def test_what_the_scheduler_owns_outlives_the_snakemake_that_submitted_it_and_the_run_goes_on(tmp_path, cluster):
    project = Project(tmp_path, MINIATURE)
    project.cases()
    with (tmp_path / "log").open("w") as log:
        first = subprocess.Popen(SUBMIT, cwd=tmp_path, env=project.environment, stdout=log, stderr=subprocess.STDOUT)
    wait_for(lambda: any("train_segmenter" in job for job in cluster("--states=RUNNING")) or first.poll() is not None)
    assert first.poll() is None, (tmp_path / "log").read_text()
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert not list(project.results.glob("models/*/model.safetensors")), "killed while it trained"
    wait_for(lambda: not cluster())
    assert list(project.results.glob("models/*/model.safetensors")), "the scheduler's job came to its end"

    assert project.call("snakemake", "--unlock").returncode == 0
    done = project.call(*SUBMIT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(project.read("tables/segmentation.parquet"))
    done = project.call(*SUBMIT, "--dry-run")
    assert "Nothing to be done" in done.stdout + done.stderr
