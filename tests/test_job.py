"""A batch of cases in a real Snakemake: what is finished is kept, what fails is named and computed alone."""

import subprocess
import sys
from pathlib import Path

import pytest

SNAKEFILE = """
config["experiment"] = "made"

rule batch:
    input:
        shared="shared.txt",
        text=["in/a.txt", "in/b.txt", "in/c.txt"],
    output:
        text=["out/a.txt", "out/b.txt", "out/c.txt"],
    log: "results/made/logs/batch.log"
    params:
        cases=[{"case": case} for case in "abc"],
        settings={"times": 2},
        store="store",
        code="code",
        script="script",
    script: "batch.py"
"""
SCRIPT = """
import errno
from unoise.errors import UserError
from unoise.workflow.job import for_each_case, job

with job(snakemake):
    def prepare(shared):
        ending = shared["shared"].read_text()

        def compute(key, inputs, outputs):
            text = inputs["text"].read_text()
            if text == "bad":
                raise UserError("it is bad", case=key["case"], file=inputs["text"], remedy="Make it good")
            if text == "crash":
                outputs["text"].write_text("half")
                raise ZeroDivisionError("oh")
            if text == "full":
                raise OSError(errno.ENOSPC, "No space left on device")
            outputs["text"].write_text(text * 2 + ending)
        return compute
    for_each_case(snakemake, prepare)
"""


@pytest.fixture
def batch(tmp_path):
    (tmp_path / "in").mkdir()
    for case in "abc":
        (tmp_path / "in" / f"{case}.txt").write_text(case)
    (tmp_path / "shared.txt").write_text("!")
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "batch.py").write_text(SCRIPT)

    def run():
        command = [Path(sys.executable).with_name("snakemake"), "--cores", "1", "--quiet", "rules"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        log = tmp_path / "results" / "made" / "logs" / "batch.log"
        return done.returncode, done.stdout + done.stderr, log.read_text() if log.is_file() else ""

    return tmp_path, run


def outputs(folder):
    return {path.stem: path.read_text() for path in (folder / "out").glob("*.txt")}


@pytest.mark.parametrize(
    ("fault", "said"),
    [("bad", "case b: in/b.txt: it is bad. Make it good."), ("crash", "case b: ZeroDivisionError: oh")],
)
def test_a_failed_case_is_named_and_alone_computed_again(batch, fault, said):
    folder, run = batch
    (folder / "in" / "b.txt").write_text(fault)
    code, output, log = run()
    assert code != 0
    assert said in output
    assert "1 of 3 cases failed" in output
    assert "Traceback" not in output
    assert ("Traceback" in log) == (fault == "crash")
    assert not outputs(folder)
    assert sorted(path.name for path in (folder / "store").iterdir() if any(path.iterdir())) == ["a", "c"]
    (folder / "in" / "b.txt").write_text("b")
    code, output, log = run()
    assert code == 0
    assert [line.split("INFO ")[1] for line in log.splitlines() if "INFO" in line] == [
        "a: kept from an earlier run",
        "b: done (2 of 3)",
        "c: kept from an earlier run",
    ]
    assert outputs(folder) == {"a": "aa!", "b": "bb!", "c": "cc!"}


def test_a_changed_input_is_computed_alone_and_a_changed_shared_one_changes_all(batch):
    folder, run = batch
    run()
    (folder / "in" / "a.txt").write_text("A")
    _, _, log = run()
    assert log.count("kept from an earlier run") == 2
    assert outputs(folder)["a"] == "AA!"
    (folder / "shared.txt").write_text("?")
    _, _, log = run()
    assert "kept" not in log
    assert outputs(folder) == {"a": "AA?", "b": "bb?", "c": "cc?"}
    assert all(len(list(case.iterdir())) == 1 for case in (folder / "store").iterdir()), "stale results must go"
    (folder / "Snakefile").write_text(SNAKEFILE.replace('script="script"', 'script="another"'))
    _, _, log = run()
    assert "kept" not in log, "the script itself decides results too"


def test_a_result_that_was_damaged_is_computed_again(batch):
    folder, run = batch
    run()
    (folder / "out" / "b.txt").write_text("")
    (folder / "out" / "b.txt").unlink()
    code, _, log = run()
    assert code == 0
    assert log.count("kept from an earlier run") == 2
    assert outputs(folder)["b"] == "bb!"


def test_a_full_disk_is_said_once_and_ends_the_batch(batch):
    folder, run = batch
    (folder / "in" / "b.txt").write_text("full")
    code, output, log = run()
    assert code != 0
    assert "the disk is full, or your quota is: make room, then `make resume`" in output
    assert "Traceback" not in output
    assert "c: done" not in log


def test_what_was_written_is_checked_and_what_is_wrong_is_named_with_its_repair(batch):
    folder, run = batch
    run()
    results = folder / "results" / "made"
    for path in ("tables/mine.csv", "store/left.txt"):
        (results / path).parent.mkdir()
        (results / path).write_text("mine")
    (folder / "out" / "a.txt").write_text("a")
    (folder / "out" / "c.txt").write_text("cC!")
    (folder / "out" / "b.txt").unlink()
    script = "from unoise.workflow.record import find_damage, repair; from pathlib import Path; "
    script += (
        "count, damage = find_damage('results/made'); print(count, *[f'{one.path}: {one.what}' for one in damage], "
    )
    script += "*repair(damage, Path('my config.yaml')), sep='\\n')"
    said = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == [
        "3",
        "out/a.txt: it is cut short, 1 of 3 bytes",
        "out/c.txt: its content is not what the workflow wrote",
        "results/made/tables/mine.csv: no job of this workflow wrote it",
        "Make again (what the config no longer asks for: delete instead), then what depends on it:",
        "  snakemake --cores 2 --force out/a.txt out/c.txt --configfile 'my config.yaml'",
        "  snakemake --cores 2 --configfile 'my config.yaml'",
        "No job noted these; move them elsewhere, or delete them:",
        "  rm results/made/tables/mine.csv",
    ]
    command = [Path(sys.executable).with_name("snakemake"), "--cores", "1", "--force", "out/a.txt", "out/c.txt"]
    assert subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0
    assert outputs(folder) == {"a": "aa!", "b": "bb!", "c": "cc!"}
