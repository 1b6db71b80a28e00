"""Files that are whole or absent, and their hashes."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_TEMPORARY = ".tmp-"
PLACEHOLDERS = "{}<>"  # what Snakemake takes for a wildcard, or for a variable, in a path
_UNFIT = re.compile(rf"[\x00-\x1f\x7f\ud800-\udfff{PLACEHOLDERS}]")


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name in the folder of `path` (same suffixes); rename it to `path` when the block ends well."""
    path = Path(path)
    temporary = _temporary(path)
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; rename it to `path`, replacing it, when the block ends well."""
    path = Path(path)
    temporary = _temporary(path)
    temporary.mkdir()
    try:
        yield temporary
        shutil.rmtree(path, ignore_errors=True)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _temporary(path: Path) -> Path:
    """A free name beside `path`; what killed processes left under such names is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    left = re.compile(rf"{re.escape(_TEMPORARY)}\d+-{re.escape(path.name)}")
    for old in [one for one in path.parent.iterdir() if left.fullmatch(one.name)]:
        shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
    return path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")


def write_json(path: str | Path, content: object) -> None:
    """Write `content` as indented JSON, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def is_inside(path: str) -> bool:
    """Whether a stranger's path names something below its folder, in printable signs and without `PLACEHOLDERS`."""
    parts = Path(path).parts
    return bool(parts) and not Path(path).is_absolute() and ".." not in parts and not _UNFIT.search(path)


def file_hash(path: str | Path) -> str:
    """SHA-256 of a file's content, as hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_hash(*parts: object) -> str:
    """SHA-256, as hex, of plain built-in values (by their sorted JSON)."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def files_hash(paths: Iterable[str | Path]) -> str:
    """One SHA-256 over the contents of several files, in the order given."""
    return content_hash(*[file_hash(path) for path in paths])
