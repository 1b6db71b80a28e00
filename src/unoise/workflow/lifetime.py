"""A job ends with the Snakemake that started it, and an experiment has one run at a time."""

import fcntl
import os
import platform
import select
import threading
import time
from pathlib import Path
from typing import TextIO

from unoise.errors import UserError

_OWNER = "UNOISE_OWNER"
_HELD: list[TextIO] = []


def own_jobs() -> None:
    """Let the jobs that this process, a Snakemake, starts know it."""
    os.environ[_OWNER] = str(os.getpid())


def end_with_owner() -> None:
    """Let this process end, at once, when the Snakemake that started it has ended, in whichever way.

    On a cluster that is the Snakemake inside the scheduler's job: what a scheduler owns outlives the one that
    submitted it.
    """
    if _OWNER in os.environ:
        threading.Thread(target=_end_after, args=(int(os.environ[_OWNER]),), daemon=True).start()


def _end_after(process: int) -> None:
    try:
        select.select([os.pidfd_open(process)], [], [])
    except ProcessLookupError:
        pass
    except (AttributeError, OSError):  # not Linux
        while _lives(process):
            time.sleep(1)
    os._exit(1)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def hold(path: Path) -> None:
    """Keep a lock on the file `path` until this process ends.

    `snakemake --unlock` takes the lock of a run that still goes on too; this one ends with its run, never sooner.
    Where the file system knows no locks, nothing is held.

    Raises
    ------
    UserError
        If another process holds it; names that one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")
    _HELD.append(file)  # closed, it would let go
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        raise UserError(
            f"another run of this experiment goes on (process {file.read()})", remedy="Wait for it, or end it"
        ) from None
    except OSError:
        return
    file.truncate(0)
    print(os.getpid(), "on", platform.node(), end="", file=file, flush=True)
