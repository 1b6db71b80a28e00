"""A copy of the workflow in a folder of its own, used as a user would use it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import yaml

from unoise import tables

PROJECT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


class Project:
    """The project's workflow in another folder, with one config as the default."""

    def __init__(self, folder: Path, config: Path):
        self.folder = folder
        self.environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        for name in ("Snakefile", "workflow", "profiles", "envs"):
            source = PROJECT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
        (folder / "config" / "cases").mkdir(parents=True)
        self.write_config(yaml.safe_load(config.read_text()))

    @property
    def results(self) -> Path:
        return self.folder / "results" / self.config["experiment"]

    def write_config(self, config: dict) -> None:
        self.config = config
        (self.folder / "config" / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def call(self, *command: str) -> subprocess.CompletedProcess:
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)

    def cases(self) -> str:
        done = self.call("unoise", "cases")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess:
        return self.call("snakemake", "--cores", "2", *arguments)

    def planned(self) -> set[str]:
        """The messages of all jobs that a dry-run plans."""
        done = self.call("snakemake", "--dry-run", "--workflow-profile", "none", "--cores", "2")
        assert done.returncode == 0, done.stderr
        return set(re.findall(r"^Job \d+: (.*)$", done.stdout + done.stderr, re.MULTILINE))

    def read(self, name: str) -> pd.DataFrame:
        """A table of the experiment, by its path below the results."""
        return tables.read(self.results / name, getattr(tables, Path(name).stem.upper()))
