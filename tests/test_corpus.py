"""Every malformed input of `corpus/` ends in one line that names it and the remedy, and leaves nothing behind."""

import json
import re
import resource
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from corpus import Malformed, plain_config, write_config

from unoise.errors import UserError

FAMILIES = ("nifti", "labels", "tables", "results", "dataset_json", "configs", "models")
CORPUS = [
    pytest.param(family, one, id=f"{family}: {one.name}")
    for family in FAMILIES
    for one in import_module(f"corpus.{family}").MALFORMED
]
# What announces far more than it holds, or holds far more than it announces.
GREEDY = {
    "nifti": ("terabytes", "petabytes", "a gigabyte that is not there", "gzip bomb", "gzip bomb before the voxels"),
    "configs": ("billion laughs", "lists without an end"),
    "dataset_json": ("lists without an end", "a number beyond numbers"),
    "models": ("compressed", "one number for a terabyte", "a header of exabytes", "weights of another size"),
}
MOST_MIB = 200


def malformed(family: str, name: str) -> Malformed:
    return next(one for one in import_module(f"corpus.{family}").MALFORMED if one.name == name)


def contents(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*")}


@pytest.mark.parametrize(("family", "one"), CORPUS)
def test_it_ends_in_one_line_and_leaves_nothing(family, one, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one.make(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(UserError) as raised:
        import_module(f"corpus.{family}").read(tmp_path)
    line = str(raised.value)
    assert [said for said in one.says if said not in line] == [], line
    assert line.isprintable(), "no line end, nothing that a terminal would obey"
    assert re.search(r": .+\. \S.+\.$", line), "what is wrong, and what to do"
    assert len(line) < 2000
    assert contents(tmp_path) == before


def test_there_are_enough_of_each():
    assert len(CORPUS) >= 80
    assert len({one.id for one in CORPUS}) == len(CORPUS)
    for family in FAMILIES:
        assert len([one for one in CORPUS if one.values[0] == family]) >= 9, family


def test_memory_stays_within_what_the_case_needs(tmp_path):
    """In a process of its own, whose largest memory is known after each of them."""
    run = subprocess.run([sys.executable, __file__, tmp_path], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    grown = json.loads(run.stdout)
    assert len(grown) == sum(map(len, GREEDY.values()))
    assert {name: mib for name, mib in grown.items() if mib > MOST_MIB} == {}


@pytest.mark.parametrize(
    ("family", "name", "command"),
    [("tables", "an id that climbs", "estimate"), ("dataset_json", "a label of fractions", "cases")],
)
def test_a_command_prints_the_line_alone_and_fails(family, name, command, tmp_path):
    one = malformed(family, name)
    one.make(tmp_path)
    write_config(tmp_path, plain_config())
    before = contents(tmp_path)
    program = [Path(sys.executable).with_name("unoise"), command, "--configfile", "mine.yaml"]
    run = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1
    assert run.stderr.startswith("unoise: ")
    assert all(said in run.stderr for said in one.says)
    assert contents(tmp_path) == before


def _measure(folder: Path) -> dict[str, float]:
    """MiB by which the largest memory of this process grew with each of the greedy inputs."""
    grown = {}
    for family, names in GREEDY.items():
        for name in names:
            there = folder / family / name
            there.mkdir(parents=True)
            malformed(family, name).make(there)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            try:
                import_module(f"corpus.{family}").read(there)
            except UserError:
                after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                grown[f"{family}: {name}"] = (after - before) / 1024
    return grown


if __name__ == "__main__":
    print(json.dumps(_measure(Path(sys.argv[1]))))
