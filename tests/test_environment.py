"""The pins agree with each other."""

import re
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[1]


def test_the_conda_environment_has_the_pins_of_requirements_txt():
    pins = (REPOSITORY / "requirements.txt").read_text().split()
    environment = yaml.safe_load((REPOSITORY / "envs" / "unoise.yaml").read_text())["dependencies"][-1]["pip"]
    assert set(environment) <= set(pins)


def test_every_dependency_of_the_package_is_pinned():
    pinned = set(re.findall(r"^([\w.-]+)==", (REPOSITORY / "requirements.txt").read_text(), re.MULTILINE))
    wanted = re.findall(r'^    "([\w.-]+)>=', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)
    assert len(wanted) > 10
    assert {name.lower() for name in wanted} <= {name.lower() for name in pinned}
