"""An explainer of another package, as `docs/explainer.md` shows it: registered, checked, planned, digested."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from project import Project

from unoise.errors import UserError
from unoise.testing import FaultyExplainer, check_explainer
from unoise.workflow import digest, methods, sources
from unoise.workflow.config import complete

REPOSITORY = Path(__file__).parents[1]
MINIATURE = REPOSITORY / "tests/configs/miniature.yaml"


def shown(language: str) -> list[str]:
    """Code blocks of the documentation."""
    text = (REPOSITORY / "docs/explainer.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


MODULE, CHECK = shown("python")
(PYPROJECT,) = map(tomllib.loads, shown("toml"))
CONFIG, _ = map(yaml.safe_load, shown("yaml"))


class Site:
    """A folder of installed packages, first on the path."""

    def __init__(self, folder: Path):
        self.folder = folder

    def install(self, project: dict, files: dict[str, str]) -> None:
        """What pip would leave of a package with this `[project]` table."""
        about = self.folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        lines = []
        for group, points in project["entry-points"].items():
            lines += [f"[{group}]", *(f"{name} = {module}" for name, module in points.items())]
        (about / "entry_points.txt").write_text("\n".join(lines))
        for name, text in files.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        forget()


def forget() -> None:
    for one in (methods.find, methods.names, methods._outside, sources._roots, sources.module_file):
        one.cache_clear()
    for one in (digest._tree, digest._tree_hash, digest._imports):
        one.cache_clear()


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield Site(folder)
    forget()
    for name in [name for name in sys.modules if name.startswith(("unoise_doubt", "other_package"))]:
        del sys.modules[name]


@pytest.fixture
def doubt(site):
    """The package of the documentation, installed."""
    site.install(PYPROJECT["project"], {"unoise_doubt.py": MODULE})
    return site


def package(name: str, value: str, project: str = "other-package") -> dict:
    return {"name": project, "version": "1.0", "entry-points": {"unoise.explainers": {name: value}}}


def test_the_example_is_thirty_lines_and_named_as_its_entry_point():
    assert len(MODULE.splitlines()) <= 30
    assert PYPROJECT["tool"]["setuptools"]["py-modules"] == ["unoise_doubt"]


@pytest.mark.usefixtures("doubt")
def test_the_example_is_right():
    exec(CHECK, {})
    check_explainer("unoise_doubt")
    with pytest.raises(FaultyExplainer, match="setting 'width'"):
        check_explainer("doubt", width=4)


def test_the_example_is_planned_in_a_run(doubt, tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    project = Project(folder, MINIATURE)
    path = [str(doubt.folder), *filter(None, [project.environment.get("PYTHONPATH")])]
    project.environment |= {"PYTHONPATH": os.pathsep.join(path)}
    config = yaml.safe_load(MINIATURE.read_text())
    config["explainers"] |= CONFIG["explainers"]
    project.write_config(config)
    project.cases()
    planned = project.planned()
    assert {
        "Explaining pancreas by doubt",
        "Evaluating doubt for pancreas",
        "Looking for what doubt tells of pancreas",
    } <= planned


@pytest.mark.usefixtures("doubt")
def test_its_settings_are_checked_and_filled_in(plain_config):
    plain_config["explainers"] = {"doubt": {"method": "doubt"}}
    assert complete(plain_config)["explainers"]["doubt"]["width"] == 3
    plain_config["explainers"] = {"doubt": {"method": "doubt", "widht": 3}}
    with pytest.raises(UserError, match="Did you mean 'width'"):
        complete(plain_config)


def test_it_is_found_without_importing_it_or_torch(doubt):
    doubt.write("unoise_doubt.py", MODULE + "\nraise SystemExit('it was imported')\n")
    code = (
        "import sys; from unoise.workflow import methods, digest; found = methods.find('explainers', 'doubt');"
        "digest.code_digest(found.module); print(found.settings['width']['default'], 'torch' in sys.modules)"
    )
    path = f"{doubt.folder}:{REPOSITORY / 'src'}"
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.stdout == "3 False\n", done.stderr


def test_the_digest_covers_its_module_and_what_this_imports_of_its_package(site):
    files = {
        "other_package/__init__.py": "raise SystemExit('it was imported')\n",
        "other_package/method.py": "from . import helper\nfrom .deep.one import f\nimport unoise.compute\n",
        "other_package/helper.py": "A = 1\n",
        "other_package/deep/__init__.py": "",
        "other_package/deep/one.py": "from ..last import g\ndef f(): return g()\n",
        "other_package/last.py": "def g(): return 1\n",
        "other_package/unrelated.py": "A = 1\n",
    }
    site.install(package("method", "other_package.method"), files)
    module = methods.find("explainers", "method").module
    ours = {
        name: digest.code_digest("unoise.explainers.base", f"unoise.explainers.{name}") for name in ("random", "edges")
    }
    before = digest.code_digest("unoise.explainers.base", module)
    site.write("other_package/unrelated.py", "A = 2\n")
    site.write("other_package/helper.py", "A = 1  # a comment\n")
    assert digest.code_digest("unoise.explainers.base", module) == before
    for name in ("method", "helper", "deep/one", "last"):
        site.write(f"other_package/{name}.py", files[f"other_package/{name}.py"] + "B = 1\n")
        now = digest.code_digest("unoise.explainers.base", module)
        assert now != before, name
        before = now
    for name, value in ours.items():
        assert digest.code_digest("unoise.explainers.base", f"unoise.explainers.{name}") == value


def test_a_name_that_is_taken_is_refused(site):
    site.install(package("occlusion", "other_package.method"), {})
    with pytest.raises(
        UserError, match=r"'occlusion' of other_package\.method of other-package is taken by unoise itself"
    ):
        methods.names("explainers")


def test_two_packages_with_one_name_are_refused(doubt):
    doubt.install(package("doubt", "other_package.method"), {})
    with pytest.raises(UserError, match=r"the name 'doubt' .* is taken by .*uninstall one"):
        methods.find("explainers", "doubt")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (None, "there is no Python module 'other_package.method'. Install the package"),
        ("SETTINGS = dict()\n", "line 1: SETTINGS is no literal"),
        ("SETTINGS: dict = dict()\n", "line 1: SETTINGS is no literal"),
        ("def (:\n", "it is no Python source"),
    ],
)
def test_a_package_that_cannot_be_read_is_said_where_it_is_used_alone(site, plain_config, source, said):
    site.install(package("method", "other_package.method"), {"other_package/method.py": source} if source else {})
    assert complete(plain_config)
    plain_config["explainers"] = {"mine": {"method": "method"}}
    with pytest.raises(UserError, match=re.escape(said)):
        complete(plain_config)
