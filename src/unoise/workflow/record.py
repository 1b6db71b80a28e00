"""The manifest of results: what every job wrote, with sizes and hashes; and which files are no longer so."""

import json
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from unoise.errors import UserError
from unoise.files import file_hash, write_json
from unoise.workflow import paths


@dataclass(frozen=True)
class Damage:
    """A file of the results that is not as a job wrote it, or that none wrote.

    Attributes
    ----------
    path
        As the workflow names it, relative to the project.
    what
        What is wrong, as a sentence without its full stop.
    foreign
        Whether no job wrote it.
    """

    path: str
    what: str
    foreign: bool = False


def record(root: str | Path, log: str | Path, outputs: Iterable[str]) -> None:
    """Note what a job wrote, in a file named as the job's log: jobs that end at the same time do not meet."""
    written = {path: {"bytes": Path(path).stat().st_size, "sha256": file_hash(path)} for path in outputs}
    name = Path(log).relative_to(Path(root, paths.LOGS)).with_suffix(".json")
    write_json(Path(root, paths.RECORDS, name), written)


def recorded(root: str | Path) -> dict[str, dict]:
    """Every file that a job wrote: its size and hash by its path; where several jobs wrote one, by the last."""
    written: dict[str, dict] = {}
    for path in sorted(Path(root, paths.RECORDS).rglob("*.json"), key=lambda one: (one.stat().st_mtime_ns, one)):
        try:
            written |= json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, TypeError):
            raise UserError("the record is no JSON", file=path, remedy="Delete it and run the workflow again") from None
    return written


def find_damage(root: str | Path) -> tuple[int, list[Damage]]:
    """Read every file of the results again: how many there are, and those that are cut short, changed or foreign.

    What a job wrote and is gone is no damage: the workflow makes it again when it is needed.

    Raises
    ------
    UserError
        If there are no results, or a record cannot be read.
    """
    if not Path(root, paths.RECORDS).is_dir():
        raise UserError("no job has written here", file=root, remedy="Run the workflow, or name another --configfile")
    written = recorded(root)
    files = sorted({str(path) for path in _results(Path(root))} | {path for path in written if Path(path).is_file()})
    return len(files), [one for path in files if (one := _damage(path, written.get(path)))]


def repair(damage: list[Damage], configfile: Path) -> list[str]:
    """The commands that put damaged files right, with what each is for."""
    again = [one.path for one in damage if not one.foreign]
    foreign = [one.path for one in damage if one.foreign]
    config = f"--configfile {shlex.quote(str(configfile))}"
    lines = []
    if again:
        lines += [
            "Make again (what the config no longer asks for: delete instead), then what depends on it:",
            f"  snakemake --cores 2 --force {shlex.join(again)} {config}",
            f"  snakemake --cores 2 {config}",
        ]
    if foreign:
        lines += ["No job noted these; move them elsewhere, or delete them:", f"  rm {shlex.join(foreign)}"]
    return lines


def _results(root: Path) -> Iterator[Path]:
    """Every file below `root` that is there to be read."""
    for folder in root.iterdir():
        if folder.is_file():
            yield folder
        elif folder.name not in paths.WORKING:
            yield from (path for path in folder.rglob("*") if path.is_file() and path.name != ".snakemake_timestamp")


def _damage(path: str, written: dict | None) -> Damage | None:
    if written is None:
        return Damage(path, "no job of this workflow wrote it", foreign=True)
    size = Path(path).stat().st_size
    if size < written["bytes"]:
        return Damage(path, f"it is cut short, {size} of {written['bytes']} bytes")
    if size != written["bytes"] or file_hash(path) != written["sha256"]:
        return Damage(path, "its content is not what the workflow wrote")
    return None
