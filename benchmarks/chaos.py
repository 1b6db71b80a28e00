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
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from safetensors.numpy import load_file

from chaos_run import PROJECT, Accident, Run
from unoise import tables

VICTIMS, SIGNALS = ("scheduler", "job"), (signal.SIGKILL, signal.SIGTERM)
LONGEST = 0.2  # until an accident, as a share of the undisturbed run


def schedule(seed: int) -> Iterator[Accident]:
    """Accidents without end: of any four, one is of each kind."""
    drawn = random.Random(seed)
    while True:
        kinds = list(product(VICTIMS, SIGNALS))
        for victim, by in drawn.sample(kinds, len(kinds)):
            yield Accident(victim, by, drawn.random())


def outcome(root: Path) -> dict[str, object]:
    """What a run came to: its tables and weights, by their paths below the results."""
    found = {path: stable(path) for path in [root / "cases.parquet", *sorted((root / "tables").glob("*.parquet"))]}
    found |= {path: load_file(path) for path in sorted(root.glob("models/*/model.safetensors"))}
    return {str(path.relative_to(root)): content for path, content in found.items()}


def stable(path: Path) -> pd.DataFrame:
    """A table without what differs from run to run."""
    table = pq.read_table(path, partitioning=None)
    return tables.stable(table.to_pandas(), table.schema)


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
    undisturbed, differed, runs = outcome(run.results), [], 0
    print(f"undisturbed: {time.monotonic() - start:.0f} s, {len(undisturbed)} tables and weights", file=sys.stderr)
    coming = list(islice(schedule(seed), kills))
    begun = done = 0
    while done < kills:
        run.begin_anew()
        while done < kills and run.resume(coming[done], longest):
            print(f"{done + 1}: {coming[done].signal.name} to the {coming[done].victim}", file=sys.stderr)
            done += 1
        run.resume()
        runs += 1
        wrong = differences(undisturbed, outcome(run.results))
        differed += [f"run {runs}: {name}" for name in wrong]
        for accident in coming[begun:done]:
            accident.equal = not wrong
        begun = done
    return coming, runs, differed


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
