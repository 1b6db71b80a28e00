"""Accidents at random moments, and whether anything is left of them.

In a copy of the project in a temporary folder the miniature run is made once undisturbed. Then it begins anew, and at
random moments its Snakemake or one of its jobs is ended, by SIGKILL or SIGTERM; each time `make resume` follows. When
it is finished, its tables (without volatile columns) and its weights are compared with those of the undisturbed
run, and it begins anew, until there were as many accidents as were asked for. An orphan is a process of the run that
is still there half a minute after its Snakemake ended.

    python benchmarks/chaos.py [--kills 50] [--seed 1] [--cores 2] [--config tests/configs/miniature.yaml]

Prints a report in Markdown; exit code 1 if a table or weight differed, a run could not be resumed or an orphan was
left: the folder then stays, and is named. The copy runs without `keep-going`: it stops soon after a job failed, which
leaves more of the run to the next accident. Takes about as long as ten undisturbed runs.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pyarrow.parquet as pq
import yaml
from safetensors.numpy import load_file

from unoise import tables

PROJECT = Path(__file__).parents[1]
COPIED = ("Makefile", "requirements.txt", "pyproject.toml", "Snakefile", "workflow", "profiles", "envs")
VICTIMS, SIGNALS = ("scheduler", "job"), (signal.SIGKILL, signal.SIGTERM)
LONGEST = 0.2  # until an accident, as a share of the undisturbed run
GRACE = 30.0  # s
POLL = 0.1  # s
VOLATILE_SCORES = {one.name for one in tables.COSTS if tables.VOLATILE.encode() in one.metadata}


@dataclass
class Accident:
    """What is killed, by which signal, and when (a share of `LONGEST`); what became of it."""

    victim: str
    signal: signal.Signals
    moment: float
    orphans: int = 0
    equal: bool = False


def schedule(seed: int) -> Iterator[Accident]:
    """Accidents without end: of any four, one is of each kind."""
    drawn = random.Random(seed)
    while True:
        kinds = list(product(VICTIMS, SIGNALS))
        for victim, by in drawn.sample(kinds, len(kinds)):
            yield Accident(victim, by, drawn.random())


class Run:
    """A copy of the project in a folder of its own, and the processes that it starts."""

    def __init__(self, folder: Path, config: Path, cores: int):
        self.folder, self.cores = folder, cores
        self.mark = f"UNOISE_CHAOS={uuid.uuid4().hex}"
        self.environment = os.environ | dict([self.mark.split("=")])
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
                name, value = self.mark.split("=")
                if process.environ().get(name) == value and victim in (None, _role(process.cmdline())):
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

    def outcome(self) -> dict[str, object]:
        """What the run came to: its tables and weights by their path."""
        (root,) = (self.folder / "results").iterdir()
        found = {path: stable(path) for path in [root / "cases.parquet", *sorted((root / "tables").glob("*.parquet"))]}
        found |= {path: load_file(path) for path in sorted(root.glob("models/*/model.safetensors"))}
        return {str(path.relative_to(root)): content for path, content in found.items()}


def _role(command: list[str]) -> str:
    if any("/.snakemake/scripts/" in word for word in command):
        return "job"
    return "scheduler" if any(Path(word).name == "snakemake" for word in command[:2]) else "other"


def stable(path: Path) -> pd.DataFrame:
    """A table without what differs from run to run: volatile columns, and costs among the scores."""
    table = pq.read_table(path, partitioning=None)
    volatile = [one.name for one in table.schema if tables.VOLATILE.encode() in (one.metadata or {})]
    frame = table.drop_columns(volatile).to_pandas()
    if "score" in frame:
        frame = frame[~frame["score"].isin(VOLATILE_SCORES)]
    return frame.reset_index(drop=True)


def differences(one: dict[str, object], other: dict[str, object]) -> list[str]:
    """Names of what is not exactly the same in both."""
    both = one.keys() & other.keys()
    return sorted([*(one.keys() ^ other.keys()), *(name for name in both if not _same(one[name], other[name]))])


def _same(one: object, other: object) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)
    try:
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    except AssertionError:
        return False
    return True


def chaos(run: Run, kills: int, seed: int) -> tuple[list[Accident], int, list[str]]:
    """Let accidents happen; they, the number of finished runs, and all that differed."""
    start = time.monotonic()
    run.resume()
    longest = LONGEST * (time.monotonic() - start)
    undisturbed, differed, runs = run.outcome(), [], 0
    print(f"undisturbed: {time.monotonic() - start:.0f} s, {len(undisturbed)} tables and weights", file=sys.stderr)
    happened, coming = [], schedule(seed)
    while len(happened) < kills:
        run.begin_anew()
        before = len(happened)
        while len(happened) < kills and run.resume(accident := next(coming), longest):
            happened.append(accident)
            print(f"{len(happened)}: {accident.signal.name} to the {accident.victim}", file=sys.stderr)
        run.resume()
        runs += 1
        wrong = differences(undisturbed, run.outcome())
        differed += [f"run {runs}: {name}" for name in wrong]
        for accident in happened[before:]:
            accident.equal = not wrong
    return happened, runs, differed


def report(happened: list[Accident], runs: int, differed: list[str]) -> str:
    """The Markdown."""
    lines = [
        f"{len(happened)} accidents in {runs} runs, each followed by `make resume`.",
        "",
        "| killed | by | times | final tables and weights equal | orphans |",
        "|---|---|---|---|---|",
    ]
    for victim, by in product(VICTIMS, SIGNALS):
        own = [one for one in happened if (one.victim, one.signal) == (victim, by)]
        equal, orphans = sum(one.equal for one in own), sum(one.orphans for one in own)
        lines.append(f"| {victim} | {by.name} | {len(own)} | {equal} of {len(own)} | {orphans} |")
    equal, orphans = sum(one.equal for one in happened), sum(one.orphans for one in happened)
    lines.append(f"| all | | {len(happened)} | {equal} of {len(happened)} | {orphans} |")
    return "\n".join([*lines, *(["", "Differed: " + ", ".join(differed)] if differed else [])])


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of what happens when; default: %(default)s")
    parser.add_argument("--cores", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--config", type=Path, default=PROJECT / "tests/configs/miniature.yaml")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    try:
        happened, runs, differed = chaos(Run(folder, options.config, options.cores), options.kills, options.seed)
    except RuntimeError as error:
        sys.exit(str(error))
    print(report(happened, runs, differed))
    if differed or any(one.orphans for one in happened):
        sys.exit(f"The folder stays: {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
