"""What SECURITY.md promises about files from strangers, where no other test holds it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unoise.report.markdown import escape, table

REPOSITORY = Path(__file__).parents[1]
SOURCES = sorted([*REPOSITORY.glob("src/**/*.py"), *REPOSITORY.glob("workflow/scripts/*.py")])
RUNS_CODE = {
    *("eval", "exec", "compile", "pickle.load", "pickle.loads", "pickle.Unpickler", "dill.load", "joblib.load"),
    *("yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "shelve.open", "os.system", "os.popen"),
    *("np.load", "numpy.load", "pd.read_pickle", "torch.jit.load", "torch.hub.load", "torch.export.load"),
}
ONLY_WITH = {  # the argument without which a call is not safe
    "load": ("torch.load", "weights_only", True),
    "extract": ("archive.extract", "filter", "data"),
    "extractall": ("archive.extractall", "filter", "data"),
}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def unsafe(path: Path) -> list[str]:
    found = []
    for name, node in calls(path):
        given = {one.arg: getattr(one.value, "value", None) for one in node.keywords}
        whole, key, value = ONLY_WITH.get(name.split(".")[-1], ("", "", None))
        shell = name.startswith("subprocess.") and given.get("shell")
        if name in RUNS_CODE or shell or (name == whole and given.get(key) != value):
            found.append(f"{path.name}:{node.lineno}: {name}")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_nothing_that_is_read_can_run(path):
    assert unsafe(path) == []


@pytest.mark.parametrize(
    "line",
    ["torch.load(path)", "yaml.load(text, Loader=x)", "archive.extract(one, to)", "eval(text)", "pickle.load(f)"],
)
def test_what_could_run_code_would_be_found(tmp_path, line):
    (tmp_path / "a.py").write_text(line)
    assert unsafe(tmp_path / "a.py")


@given(st.text())
def test_text_in_a_page_can_be_nothing_but_text(text):
    shown = escape(text)
    assert not set("<>\n\r") & set(shown)
    for sign in "|*_[`!":
        assert shown.count(sign) == shown.count(f"\\{sign}"), "each is marked as a literal one"
    rows = table([{"target": shown, "patients": 1}]).splitlines()
    assert len([row for row in rows if row.startswith("|")]) == 3, "header, line, row"


def test_security_names_only_tests_that_are_there():
    text = (REPOSITORY / "SECURITY.md").read_text(encoding="utf-8")
    named = {word.strip("`") for word in text.split() if word.startswith("`tests/")}
    assert named
    assert all((REPOSITORY / name).exists() for name in named)
