"""After failures: the same run once more, without what failed, so that all else is finished and summarised."""

import atexit
import json
import os
import sys
from pathlib import Path

from unoise.workflow.failures import Failed, leave_out
from unoise.workflow.plan import Plan

_FORCING = {"-f", "-F", "-R", "--force", "--forceall", "--forcerun"}
_CONFIG = ("--config", "-C")


def go_on(plan: Plan, workflow) -> str:
    """Arrange that the run is started again, without what failed, when this process of Snakemake has ended.

    That is so where the run went on to its end (`--keep-going`, nobody stopped it, nothing was forced) and there is
    something to leave out that was not before.

    Returns
    -------
    str
        What is said about it; empty where it is not done.
    """
    scheduler = workflow.scheduler
    stopped = scheduler is None or scheduler.running or getattr(scheduler, "_user_kill", None)
    program = Path(sys.argv[0])
    itself = {program.stem, program.parent.name} & {"snakemake", Path(__file__).stem}
    if stopped or not itself or not workflow.execution_settings.keep_going or _FORCING & set(sys.argv):
        return ""
    known = plan.config["leave_out"]
    new = leave_out(plan, [Failed.of(job) for job in scheduler.failed if not job.is_group()])
    merged = {kind: known.get(kind, {}) | new.get(kind, {}) for kind in {*new, *known} - {"failed"}}
    if merged == {kind: names for kind, names in known.items() if kind != "failed"}:
        return ""
    atexit.register(_start, again(sys.argv[1:], merged | {"failed": "yes"}))
    names = ", ".join(name for kind in new.values() for name in kind)
    return f"Going on without what failed ({names}), so that the rest has a summary, which says so"


def again(arguments: list[str], left_out: dict) -> list[str]:
    """A command line of Snakemake with `leave_out` in its `--config`, beside what it had there."""
    value = f"leave_out={json.dumps(left_out, ensure_ascii=False)}"
    kept = [one for one in arguments if not one.startswith("leave_out=")]
    place = next((number for number, one in enumerate(kept) if one in _CONFIG), None)
    return [*kept, "--config", value] if place is None else [*kept[: place + 1], value, *kept[place + 1 :]]


def _start(arguments: list[str]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-P", "-m", __name__, *arguments])


if __name__ == "__main__":
    from snakemake.cli import main

    try:
        main(sys.argv[1:])
    finally:
        sys.exit(1)  # the run that this one goes on for has failed
