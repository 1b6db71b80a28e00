"""What a job that fails leaves for the run to read: why, and which cases."""

import json
from contextlib import suppress
from pathlib import Path

from unoise.files import write_json
from unoise.workflow import paths


def note_failure(log: str | Path, reason: str, cases: dict[str, str]) -> None:
    """Note why a job fails, beside its log; a full disk takes no note."""
    with suppress(OSError):
        write_json(_note(log), {"reason": reason, "cases": cases})


def forget_failure(log: str | Path) -> None:
    """Take away what an earlier attempt noted."""
    _note(log).unlink(missing_ok=True)


def read_failure(log: str | Path) -> dict:
    """What a job noted; nothing where it did not."""
    try:
        return json.loads(_note(log).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _note(log: str | Path) -> Path:
    parts = Path(log).parts
    place = parts.index(paths.LOGS) if paths.LOGS in parts else 0
    return Path(*parts[:place], paths.FAILURES, *parts[place + 1 :]).with_suffix(".json")
