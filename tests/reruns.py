"""A finished run of which nothing was computed: Snakemake takes its files for made, and says what a change outdates."""

import contextlib
import multiprocessing
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from package import forget
from project import PROJECT
from snakemake.cli import main
from snakemake.executors import touch

from unoise.workflow import sources
from unoise.workflow.manifest import Case, read_manifest, write_manifest

BATCHED = ("predict", "explain", "evaluate", "leak", "necessity", "noise_scale")  # rules whose names say the batch too


class Run:
    """The workflow in a folder, with a config, cases, a dataset and maps made elsewhere.

    Attributes
    ----------
    cores
        For how many cores it is planned.
    libraries
        Versions of libraries, by name, as if these were installed.
    package
        Folder of a copy of `unoise` that the workflow takes for the installed one, or None.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.cores = 1
        self.libraries: dict[str, str] = {}
        self.package: Path | None = None

    @classmethod
    def new(cls, folder: Path, config: Path, splits: dict[str, str]) -> "Run":
        """A run to be finished, with cases and the split of each."""
        run = cls(folder)
        folder.mkdir()
        for name in ("Snakefile", "workflow", "profiles", "envs"):
            source = PROJECT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
        run.write("config/config.yaml", config.read_text(encoding="utf-8"))
        run.manifest.parent.mkdir(parents=True)
        run.add(splits)
        return run

    def copy(self, folder: Path) -> "Run":
        """The same in another folder, dates of files and all."""
        shutil.copytree(self.folder, folder)
        return Run(folder)

    # What there is

    @property
    def config(self) -> dict:
        return yaml.safe_load((self.folder / "config" / "config.yaml").read_text(encoding="utf-8"))

    @property
    def manifest(self) -> Path:
        return self.folder / "config" / "cases" / f"{self.config['experiment']}.tsv"

    @property
    def cases(self) -> list[Case]:
        return read_manifest(self.manifest)

    # Changes

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def date(self, name: str, seconds: float | None = None) -> None:
        """Change the date of a file: to now, where none is given."""
        os.utime(self.folder / name, seconds and (seconds, seconds))

    def change(self, *place: str, to: object) -> None:
        """Change a setting of the config, by the keys that lead to it."""
        config = part = self.config
        for key in place[:-1]:
            part = part.setdefault(key, {})
        part[place[-1]] = to
        self.write("config/config.yaml", yaml.safe_dump(config, sort_keys=False))

    def add(self, splits: dict[str, str]) -> None:
        """Further cases with their files, and the split of each."""
        added = []
        for case, split in splits.items():
            image, label = f"imagesTr/{case}.nii.gz", f"labelsTr/{case}.nii.gz"
            for name in (f"data/{image}", f"data/{label}", f"maps/{case}.nii.gz"):
                self.write(name, name)
            added.append(Case(case, case, split, image, label, "pancreas=1"))
        write_manifest(self.manifest, [*(self.cases if self.manifest.exists() else []), *added])

    def remove(self, case: str) -> None:
        """Take a case out of the manifest."""
        write_manifest(self.manifest, [one for one in self.cases if one.id != case])

    def edit(self, module: str, text: str = "\nLIMIT = 3\n") -> None:
        """Append to a module of the package, such as "data/units"."""
        if not self.package:
            self.package = self.folder / "unoise"
            shutil.copytree(sources.PACKAGE, self.package, ignore=shutil.ignore_patterns("__pycache__"))
        self._append(self.package / f"{module}.py", text)

    def edit_script(self, name: str, text: str = "\nLIMIT = 3\n") -> None:
        """Append to a script of the workflow."""
        self._append(self.folder / "workflow" / "scripts" / f"{name}.py", text)

    def _append(self, path: Path, text: str) -> None:
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")

    # Snakemake

    def finish(self) -> None:
        """Make every file of the run stand, with the records that Snakemake keeps of the jobs that make it."""
        for file, *_ in self._summary():
            if not (self.folder / file).exists():
                self.write(file, file)
        self._snakemake("--touch", "--forceall")

    def every(self) -> set[str]:
        """Every job that there is."""
        return {name for name, _ in self._jobs()}

    def planned(self) -> set[str]:
        """The jobs that would run, each as its rule and of what it is: "explain pancreas occlusion t1"."""
        return {name for name, plan in self._jobs() if plan != "no update"}

    def _jobs(self) -> Iterator[tuple[str, str]]:
        families = ("targets", "explainers", "judges", "interpreters")
        named = {one.id for one in self.cases}.union(*(self.config[family] for family in families))
        for file, _, rule, *_, plan in self._summary():
            base = next((one for one in BATCHED if rule.startswith(f"{one}_")), rule)
            parts = [re.sub(r"(-[0-9a-f]{8})?(\.nii\.gz|\.\w+)?$", "", part) for part in file.split("/")]
            models = {"segmenter"} if base in ("predict", "train_segmenter") else set()
            yield " ".join([base, *(part for part in parts if part in named | models)]), plan

    def _summary(self) -> list[list[str]]:
        rows = [line.split("\t") for line in self._snakemake("--summary").splitlines() if line.count("\t") == 5]
        assert rows[0][-1] == "plan"
        return rows[1:]

    def _snakemake(self, *arguments: str) -> str:
        said = self.folder / "said.txt"
        process = multiprocessing.get_context("fork").Process(target=self._call, args=(arguments, said))
        process.start()
        process.join()
        text = said.read_text(encoding="utf-8")
        assert process.exitcode == 0, text
        return text

    def _call(self, arguments: tuple[str, ...], said: Path) -> None:
        """In a process of its own, which finds Snakemake imported and the digests computed."""
        if self.package:
            sources.PACKAGE = self.package
        if self.package or self.libraries:
            forget()
        for name, version in self.libraries.items():
            about = f"libraries/{name}-{version}.dist-info"
            self.write(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            self.write(f"{about}/top_level.txt", name)
        sys.path.insert(0, str(self.folder / "libraries"))
        touch.Executor.SLEEPING_TIME = 0
        os.chdir(self.folder)
        with said.open("w", encoding="utf-8") as out, contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            main(["--cores", str(self.cores), *arguments])
