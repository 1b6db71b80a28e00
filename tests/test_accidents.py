"""What is left after an accident: of a training that is killed, of a full disk, of a Snakemake that dies."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from project import BIN, PROJECT, Project

from unoise.errors import disk_full

KILLED = """
import multiprocessing, pickle, random, sys, time
from pathlib import Path
from test_training import made_training

def train(folder, epochs):
    weights, history = made_training(folder, epochs=epochs, after_epoch=lambda epoch: time.sleep(0.1))
    kept = [{name: value for name, value in row.items() if name != "seconds"} for row in history]
    stored = {name: value.numpy().tobytes() for name, value in weights.items()}
    (folder / "end").write_bytes(pickle.dumps((stored, kept)))

def ends(folder, epochs, within=None):
    process = multiprocessing.get_context("fork").Process(target=train, args=(folder, epochs))
    process.start()
    process.join(within)
    process.kill()
    process.join()
    return process.exitcode == 0

whole, killed = (Path(sys.argv[1], name) for name in ("whole", "killed"))
for folder in (whole, killed):
    folder.mkdir()
start = time.monotonic()
assert ends(whole, 12)
longest = time.monotonic() - start
moments = random.Random(1)
between = 0
for _ in range(8):
    between += not ends(killed, 12, longest * moments.random()) and (killed / "latest.pt").is_file()
assert ends(killed, 12)
assert not list(killed.glob(".tmp-*")), "what is half written goes"
undisturbed, resumed = (pickle.loads((folder / "end").read_bytes()) for folder in (whole, killed))
assert undisturbed == resumed
print(between)
"""


def test_a_training_killed_at_any_moment_ends_with_the_weights_of_an_undisturbed_one(tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(PROJECT / "tests"), *sys.path])}
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 2, "kills between the first and the last epoch"


@pytest.fixture
def small_disk(tmp_path):
    """Returns a function that gives the folder `disk` a number of bytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = []

    def resize(size: int) -> Path:
        options = f"{'remount,' if mounted else ''}size={size}"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
        if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("only root may mount a small disk")
        mounted.append(disk)
        return disk

    yield resize
    if mounted:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_costs_the_epoch_and_the_state_stays(tmp_path, small_disk):
    from test_training import equal, made_training

    whole, _ = made_training(tmp_path / "whole")
    needed = (tmp_path / "whole" / "latest.pt").stat().st_size
    disk = small_disk(needed * 3 // 2)
    with pytest.raises(Exception, match=r"\S") as raised:
        made_training(disk)
    assert disk_full(raised.value)
    assert [path.name for path in disk.iterdir()] == ["latest.pt"]
    small_disk(needed * 4)
    seen = []
    resumed, _ = made_training(disk, after_epoch=seen.append)
    assert seen == [2, 3, 4]
    assert equal(whole, resumed)


NO_MEMORY = """
import resource, sys
from pathlib import Path
import torch
from unoise.errors import out_of_memory
from unoise.training.loop import State

state = State(Path(sys.argv[1]), "one")
state.save({"network": torch.zeros(2**25, device="cpu")})
held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 2**25, resource.RLIM_INFINITY))
try:
    state.load()
except Exception as error:
    assert out_of_memory(error), error
else:
    sys.exit("there was memory enough")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as Linux does it")
def test_a_state_for_which_there_is_no_memory_is_not_taken_for_damaged(tmp_path):
    done = subprocess.run([sys.executable, "-c", NO_MEMORY, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["latest.pt"]


def jobs_of(project: Project) -> list[psutil.Process]:
    """The living jobs of a run, by their scripts in its folder."""
    scripts = str(project.folder / ".snakemake" / "scripts")
    found = []
    for process in psutil.process_iter():
        try:
            if scripts in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def until(true, seconds: float):
    """The value of a function as soon as it is true, or its last."""
    end = time.monotonic() + seconds
    while not (value := true()) and time.monotonic() < end:
        time.sleep(0.1)
    return value


def test_a_job_dies_with_its_snakemake_and_a_resume_goes_on_but_never_beside_a_living_run(tmp_path):
    """The first jobs of the miniature, which make phantoms, are enough."""
    project = Project(tmp_path, Path(__file__).parent / "configs" / "miniature.yaml")
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(PROJECT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(BIN)
    (tmp_path / ".venv" / ".ready").touch()
    project.cases()
    command = [BIN / "snakemake", "--cores", "1", "dataset"]
    run = subprocess.Popen(command, cwd=tmp_path, env=project.environment, stderr=subprocess.DEVNULL)
    try:
        assert until(lambda: jobs_of(project) or run.poll() is not None, 1800)
        beside = project.call("make", "resume")
        assert beside.returncode != 0
        assert f"another run of this experiment goes on (process {run.pid} on " in beside.stdout + beside.stderr
        assert "Traceback" not in beside.stdout + beside.stderr
        assert run.poll() is None
        assert until(lambda: jobs_of(project) or run.poll() is not None, 1800)
    finally:
        run.kill()
        run.wait()
    assert until(lambda: not jobs_of(project), 30), "no orphan"
    assert project.call("snakemake", "--unlock").returncode == 0
    done = project.snakemake("dataset")
    assert done.returncode == 0, done.stdout + done.stderr
