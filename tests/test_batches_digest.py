"""Batches: a new case moves no other. Digests: they follow what the code does, and nothing else."""

import random

import pytest
from package import Package, forget

from unoise.workflow import digest, sources
from unoise.workflow.batches import batches
from unoise.workflow.methods import names

# Batches


def ids(count: int, seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    return [f"{draw.choice(['case', 'scan_', 'P-'])}{draw.randrange(10**6)}.{n}" for n in range(count)]


@pytest.mark.parametrize("most", [1, 3, 8, 16, 1000])
def test_every_case_is_in_one_batch_of_at_most_so_many(most):
    cases = ids(300)
    grouped = batches(cases, most)
    assert sorted(case for members in grouped.values() for case in members) == sorted(cases)
    assert max(map(len, grouped.values())) <= most
    assert len(grouped) <= 4 * len(cases) / most + 1, "not many more jobs than needed"


@pytest.mark.parametrize("most", [1, 2, 5, 16])
def test_a_new_case_moves_no_other_unless_its_group_was_full(most):
    cases = ids(200)
    before = batches(cases[:1], most)
    joined = divided = 0
    for number, case in enumerate(cases[1:], 2):
        now = batches(cases[:number], most)
        lost = {name: members for name, members in before.items() if now.get(name) != members}
        home, members = next((name, members) for name, members in now.items() if case in members)
        if not lost:
            assert members == [case]
        else:
            assert len(lost) == 1
            ((name, old),) = lost.items()
            if name == home:
                assert sorted([*old, case]) == members
                joined += 1
            else:
                assert len(old) == most, "only a full group is divided"
                parts = [case for key, part in now.items() if key not in before for case in part]
                assert sorted(parts) == sorted([*old, case])
                divided += 1
        before = now
    assert divided > 0
    assert joined > 0 or most == 1


def test_the_order_of_cases_does_not_matter():
    cases = ids(200)
    shuffled = random.Random(1).sample(cases, len(cases))
    assert batches(shuffled, 8) == batches(cases, 8)
    assert batches(cases + cases, 8) == batches(cases, 8)


def test_few_cases_are_one_batch():
    assert batches(["b", "a"], 8) == {"all": ["a", "b"]}
    assert batches([], 8) == {}


# Digests


@pytest.fixture
def package(tmp_path, monkeypatch):
    copy = Package(tmp_path / "unoise")
    monkeypatch.setattr(sources, "PACKAGE", copy.folder)
    forget()
    yield copy
    forget()


def of_explainer(name: str) -> str:
    return digest.code_digest("unoise.explainers.base", f"unoise.explainers.{name}")


COMPACT = '''"""Doc."""
import math
def f(x):
    """Doc of f."""
    return [x, math.pi]
'''
SPACIOUS = '''"""Another."""

# comment
import math


def f(x):
    """Another one, longer."""

    return [
        x,  # x
        math.pi,
    ]
'''


def test_comments_docstrings_and_white_space_do_not_count(package):
    package.write("made", COMPACT)
    before = digest.code_digest("unoise.made")
    package.write("made", SPACIOUS)
    assert digest.code_digest("unoise.made") == before
    package.edit("made", "math.pi", "math.tau")
    assert digest.code_digest("unoise.made") != before


def test_a_text_that_is_no_docstring_counts(package):
    package.write("made", 'def f():\n    """Doc."""\n    return "a"\n')
    before = digest.code_digest("unoise.made")
    package.edit("made", '"a"', '"b"')
    assert digest.code_digest("unoise.made") != before


@pytest.mark.parametrize(
    "module",
    ["explainers/base", "data/units", "data/volumes", "files", "networks/segmenter", "networks/build"],
)
def test_logic_of_a_module_imported_transitively_counts(package, module):
    before = of_explainer("occlusion")
    package.append(module, "\n# a comment\n")
    assert of_explainer("occlusion") == before
    package.append(module, "\nLIMIT = 3\n")
    assert of_explainer("occlusion") != before


def test_an_unrelated_module_does_not_count(package):
    before = of_explainer("occlusion")
    for module in ("report/panel", "statistics/ranking", "evaluation/evaluate", "training/loop", "cli"):
        package.append(module, "\nLIMIT = 3\n")
    assert of_explainer("occlusion") == before


def test_what_explainers_share_counts_for_each_of_them(package):
    before = {name: of_explainer(name) for name in names("explainers")}
    package.append("explainers/_cam", "\nLIMIT = 3\n")
    changed = {name for name in before if of_explainer(name) != before[name]}
    assert changed == {name for name in before if "_cam" in name}
    package.append("explainers/_gradient", "\nLIMIT = 3\n")
    changed = {name for name in before if of_explainer(name) != before[name]} - changed
    gradients = {name for name in before if "grad" in name and "_cam" not in name}
    assert changed == {*gradients, "extremal"}


def test_an_explainer_does_not_depend_on_another(package):
    explainers = names("explainers")
    assert len(explainers) >= 7
    before = {name: of_explainer(name) for name in explainers}
    assert len(set(before.values())) == len(explainers)
    for changed in explainers:
        package.append(f"explainers/{changed}", "\nLIMIT = 3\n")
        now = {name: of_explainer(name) for name in explainers}
        own = {changed} | ({"kernel_shap_structures"} if changed == "kernel_shap" else set())  # a kind of it
        assert {name for name in explainers if now[name] != before[name]} == own
        before = now


@pytest.mark.parametrize("changed", ["evaluation/leak", "evaluation/contents/scrambled", "evaluation/evaluate"])
def test_the_evaluation_and_the_look_for_leaks_do_not_depend_on_each_other(package, changed):
    def digests() -> dict[str, str]:
        leak = [f"unoise.evaluation.contents.{name}" for name in names("evaluation.contents")]
        return {
            "evaluation/evaluate": digest.code_digest("unoise.evaluation.evaluate"),
            "evaluation/leak": digest.code_digest("unoise.evaluation.leak", *leak),
            "explainers/random": of_explainer("random"),
        }

    before = digests()
    package.append(changed, "\nLIMIT = 3\n")
    now = digests()
    assert [name for name in before if now[name] != before[name]] == [changed.replace("contents/scrambled", "leak")]


@pytest.mark.parametrize(
    "statement",
    [
        "import unoise.one",
        "from unoise import one",
        "from unoise.one import f",
        "from unoise.one import f as g",
    ],
)
def test_every_form_of_import_is_followed(package, statement):
    package.write("one", "def f():\n    from unoise import two\n    return two.VALUE\n")
    package.write("two", "VALUE = 1\n")
    package.write("made", f"{statement}\n")
    before = digest.code_digest("unoise.made")
    package.edit("two", "1", "2")
    assert digest.code_digest("unoise.made") != before


def test_modules_that_import_each_other(package):
    package.write("one", "import unoise.two\n")
    package.write("two", "import unoise.one\n")
    assert digest.code_digest("unoise.one") == digest.code_digest("unoise.two") == digest.code_digest("unoise.one")


def test_the_version_of_a_library_counts(package, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    about = tmp_path / "tiny_library-1.0.dist-info"
    about.mkdir()
    (about / "top_level.txt").write_text("tiny_module\n")
    package.write("made", "import os\nimport tiny_module.part\n")

    def digest_with(version: str) -> str:
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tiny-library\nVersion: {version}\n")
        forget()
        return digest.code_digest("unoise.made")

    assert digest_with("1.0") == digest_with("1.0")
    assert digest_with("1.0") != digest_with("1.1")
    assert digest_with("1.0+cpu") == digest_with("1.0+cu126"), "a build for another device is no other version"


def test_a_script_counts_by_what_it_does(tmp_path):
    script = tmp_path / "made.py"
    script.write_text(COMPACT)
    before = digest.script_digest(script)
    script.write_text(SPACIOUS)
    assert digest.script_digest(script) == before
    script.write_text(COMPACT.replace("math.pi", "math.tau"))
    assert digest.script_digest(script) != before


def test_the_digest_does_not_depend_on_the_order_of_modules(package):
    modules = ["unoise.explainers.base", "unoise.explainers.random"]
    assert digest.code_digest(*modules) == digest.code_digest(*reversed(modules))
