"""A copy of the project that is run, killed and resumed, and the processes that it starts; for `chaos.py`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

PROJECT = Path(__file__).parents[1]
COPIED = ("Makefile", "requirements.txt", "pyproject.toml", "Snakefile", "workflow", "profiles", "envs")
MARK = "UNOISE_CHAOS"
GRACE = 30.0  # s
POLL = 0.2  # s


@dataclass
class Accident:
    """What is killed, by which signal, and when (a share of `LONGEST`); what became of it."""

    victim: str
    signal: signal.Signals
    moment: float
    orphans: int = 0
    equal: bool = False


class Run:
    """A copy of the project in a folder of its own, and the processes that it starts."""

    def __init__(self, folder: Path, config: Path, cores: int):
        self.folder, self.cores = folder, cores
        self.mark = uuid.uuid4().hex
        self.environment = os.environ | {MARK: self.mark}
        self.log = folder / "chaos.log"
        for name in COPIED:
            source = PROJECT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
        for path, changed in (
            ("config/config.yaml", yaml.safe_load(config.read_text(encoding="utf-8"))),
            ("profiles/default/config.yaml", self._profile() | {"keep-going": False}),
        ):
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(yaml.safe_dump(changed, sort_keys=False), encoding="utf-8")
        (folder / ".venv").mkdir()
        (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
        (folder / ".venv" / ".ready").touch()  # so that make finds its environment there
        subprocess.run([Path(sys.executable).with_name("unoise"), "cases"], cwd=folder, check=True, capture_output=True)

    def _profile(self) -> dict:
        return yaml.safe_load((self.folder / "profiles/default/config.yaml").read_text(encoding="utf-8"))

    def begin_anew(self) -> None:
        """Forget all results."""
        for name in ("results", ".snakemake"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def processes(self, victim: str | None = None) -> list[psutil.Process]:
        """The living processes of this run and no other: all, its Snakemake, or its jobs."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark and victim in (None, _role(process.cmdline())):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def resume(self, accident: Accident | None = None, longest: float = 0) -> bool:
        """`make resume`, and the accident in it; False if it was finished sooner.

        Raises
        ------
        RuntimeError
            If it failed without an accident.
        """
        with self.log.open("a") as log:
            making = subprocess.Popen(
                ["make", "resume", f"CORES={self.cores}"],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        try:
            happened = accident is not None and self._strike(accident, accident.moment * longest, making)
            if making.wait() and not happened:
                raise RuntimeError(f"`make resume` failed: see {self.log}")
            if happened:
                accident.orphans = self._bury()
            return happened
        finally:
            for process in self.processes():
                process.kill()

    def _strike(self, accident: Accident, moment: float, making: subprocess.Popen) -> bool:
        end = time.monotonic() + moment
        while making.poll() is None:
            time.sleep(POLL)
            if time.monotonic() < end:
                continue
            for process in self.processes(accident.victim)[:1]:
                try:
                    process.send_signal(accident.signal)
                except psutil.NoSuchProcess:
                    break
                return True
        return False

    def _bury(self) -> int:
        """Wait for what is left of the run; the number of processes that did not end."""
        end = time.monotonic() + GRACE
        while left := self.processes():
            if time.monotonic() > end:
                print("orphans:", *(" ".join(one.cmdline()) for one in left), sep="\n  ", file=sys.stderr)
                return len(left)
            time.sleep(POLL)
        return 0

    @property
    def results(self) -> Path:
        """The folder of the experiment's results."""
        (root,) = (self.folder / "results").iterdir()
        return root


def _role(command: list[str]) -> str:
    if any("/.snakemake/scripts/" in word for word in command):
        return "job"
    return "scheduler" if any(Path(word).name == "snakemake" for word in command[:2]) else "other"
