"""Inside the package the data flows one way: no module imports a later stage, the workflow none at all."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src/unoise"
STAGES = (
    "data",
    "networks",
    "targets",
    "obscurers",
    "training",
    "explainers",
    "evaluation",
    "statistics",
    "report",
)
SHARED = {"workflow", "files", "errors", "tables", "compute"}
ENTRY_POINTS = {"cli", "estimate", "testing"}
HEAVY = {"torch", "monai", "nibabel", "captum", "scipy", "matplotlib", "pandas", "pyarrow"}


def imported(path: Path) -> set[str]:
    """Full names of what a file imports, anywhere in it; relative imports begin with a dot."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def parts_imported(path: Path) -> set[str]:
    """Folders and top modules of the package that a file imports."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("unoise.")}


def modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((PACKAGE / folder).rglob("*.py"))]


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_every_part_of_the_package_has_its_place():
    there = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert there - {"__init__"} == {*STAGES, *SHARED, *ENTRY_POINTS}


@pytest.mark.parametrize("path", modules(*STAGES), ids=named)
def test_a_stage_imports_earlier_stages_only(path):
    stage = STAGES.index(path.relative_to(PACKAGE).parts[0])
    assert parts_imported(path) <= {*STAGES[: stage + 1], *SHARED}


@pytest.mark.parametrize("path", modules("workflow"), ids=named)
def test_the_workflow_imports_no_stage_and_nothing_heavy(path):
    assert parts_imported(path) <= {"workflow", "files", "errors"}
    assert not HEAVY & {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("name", sorted(SHARED - {"workflow"}))
def test_what_all_share_imports_no_stage(name):
    paths = modules(name) or [PACKAGE / f"{name}.py"]
    assert set().union(*map(parts_imported, paths)) <= SHARED


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=named)
def test_imports_are_absolute(path):
    assert not {name for name in imported(path) if name.startswith(".")}, "the digest of code follows absolute imports"
