"""Every malformed input of `corpus/` ends in one line that names it and the remedy, and leaves nothing behind."""

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from corpus import malformed, plain_config, write_config
from corpus.memory import GREEDY

from fuzz_readers import FOUND, READERS, attempt, seeds
from unoise.errors import UserError

FAMILIES = ("nifti", "labels", "tables", "results", "dataset_json", "configs", "models")
CORPUS = [
    pytest.param(family, one, id=f"{family}: {one.name}")
    for family in FAMILIES
    for one in import_module(f"corpus.{family}").MALFORMED
]
MOST_MIB = 200


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


@pytest.mark.parametrize("path", sorted(FOUND.glob("*")), ids=lambda path: path.name)
def test_what_the_fuzzer_found_is_understood_or_refused(path, tmp_path):
    line = attempt(path.read_bytes(), tmp_path)
    assert line is None or line.isprintable()


def test_the_fuzzer_begins_with_what_its_readers_understand(tmp_path):
    given = list(seeds(tmp_path))
    assert {content[0] for content in given} == set(range(len(READERS)))
    refused = [line for content in given if (line := attempt(content, tmp_path))]
    assert len(refused) == 1, "of a dataset.json without its files"
    assert "does not exist" in refused[0]


def test_memory_stays_within_what_the_case_needs(tmp_path):
    """In a process of its own, whose largest memory is known after each of them."""
    run = subprocess.run(
        [sys.executable, "-m", "corpus.memory", tmp_path], cwd=Path(__file__).parent, capture_output=True, text=True
    )
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
