"""Fetch a task of the Medical Segmentation Decathlon: stopped and continued at will, checked, then unpacked whole."""

import errno
import hashlib
import http.client
import json
import re
import shutil
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from unoise.errors import UserError
from unoise.files import whole_folder, write_json

TIMEOUT = 30  # seconds without a byte
CHUNK = 1 << 20
GIB = 1 << 30
_FULL = (errno.ENOSPC, errno.EDQUOT)


class _CutError(Exception):
    """The connection failed; another try may go on."""


@dataclass(frozen=True)
class _Download:
    """An archive that is being fetched, and the file in which it grows; a note beside it says of what it is a part."""

    url: str
    md5: str
    part: Path

    @property
    def note(self) -> Path:
        return self.part.with_name(f"{self.part.name}.json")

    def state(self) -> tuple[int, dict]:
        """Bytes of this very archive that are there, and its note; (0, {}) where the file is a part of another one."""
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
            if (note["url"], note["md5"]) == (self.url, self.md5) and note["bytes"] > 0 <= len(note["etag"]):
                return self.part.stat().st_size, note
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass
        return 0, {}

    def delete(self) -> None:
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def download_task(
    task: str, to: Path, url: str | None = None, md5: str | None = None, waits: Sequence[float] = (1, 2, 5, 15, 30)
) -> Path:
    """Fetch, check and unpack a task, and return its folder; data that are there already are used as they are.

    Parameters
    ----------
    task
        Name of the task, as `Task07_Pancreas`.
    to
        Folder that holds the task's folder afterwards.
    url, md5
        Address and MD5 sum of the archive, where they are not to be those that MONAI names.
    waits
        Seconds before each new try after a cut connection.

    Raises
    ------
    UserError
        If there is no such task, the network fails, the disk is full, or the archive is not what it should be. What
        has arrived stays, unless its sum is wrong, and the next call goes on from there.
    """
    url, md5 = _source(task, url, md5)
    folder, download = to / task, _Download(url, md5, to / f"{task}.tar.part")
    try:
        if (folder / "dataset.json").is_file():
            _say(f"{folder} is there already and is used as it is")
            return folder
        if folder.exists():
            raise UserError("it has no dataset.json", file=folder, remedy="Move it away or choose another --to")
        to.mkdir(parents=True, exist_ok=True)
        _fetch(download, waits)
        _check(download)
        _unpack(download.part, folder)
        download.delete()
    except OSError as error:  # of the disk: those of the network never come this far
        if error.errno in _FULL:
            there, note = download.state()
            raise _no_room(to, 2 * note.get("bytes", 0) - there, error.strerror) from None
        what = f"it cannot be read or written ({error.strerror})"
        raise UserError(what, file=error.filename or to, remedy="Mend that or choose another --to") from None
    return folder


def _source(task: str, url: str | None, md5: str | None) -> tuple[str, str]:
    from monai.apps import DecathlonDataset

    known = DecathlonDataset.resource
    if task not in known:
        raise UserError(f"there is no task {task!r}", remedy=f"Choose one of {', '.join(known)}")
    if (url is None) != (md5 is None):
        raise UserError("of --url and --md5 one is missing", remedy="Give both or none")
    if url is None or md5 is None:
        return known[task], DecathlonDataset.md5[task]
    if not re.match(r"https?://", url):
        raise UserError("this is not a web address", file=url, remedy="Begin --url with https:// or http://")
    if not re.fullmatch(r"[0-9a-fA-F]{32}", md5):
        raise UserError(f"--md5 {md5!r} is not an MD5 sum", remedy="Give its 32 hexadecimal digits")
    return url, md5.lower()


def _fetch(download: _Download, waits: Sequence[float]) -> None:
    for wait in (*waits, None):
        try:
            return _fetch_rest(download)
        except _CutError as cut:
            there, note = download.state()
            what = f"the connection failed ({cut}): {there} of {note.get('bytes', 'unknown')} bytes are there"
            if wait is None:
                remedy = "Check the network and run the same command again: it goes on from there"
                raise UserError(what, file=download.url, remedy=remedy) from None
            _say(f"{what}; next try in {wait} s")
            time.sleep(wait)


def _fetch_rest(download: _Download) -> None:
    there, note = download.state()
    if there and there == note["bytes"]:
        return
    headers = {"Range": f"bytes={there}-"} if there else {}
    if there and note["etag"]:
        headers["If-Range"] = note["etag"]
    response = _request(download.url, headers)
    if response is None:
        return
    with response:
        start, total = _announced(response, there, download.url)
        if start == 0:
            if download.part.exists() and download.part.stat().st_size:
                _say(f"{download.part} cannot be continued: starting over")
            download.delete()
        needed, to = 2 * total - start, download.part.parent  # the rest of the archive, and as much again unpacked
        if shutil.disk_usage(to).free < needed:
            raise _no_room(to, needed)
        if start == 0:
            etag = response.headers.get("ETag", "")
            etag = "" if etag.startswith("W/") else etag  # a weak one is not allowed in If-Range
            write_json(download.note, {"url": download.url, "md5": download.md5, "etag": etag, "bytes": total})
        with download.part.open("ab") as file, _progress(total, _traffic(start, total)) as show:
            for chunk in _chunks(response, total - start):
                file.write(chunk)
                show(file.tell())


def _request(url: str, headers: dict[str, str]) -> http.client.HTTPResponse | None:
    """The server's answer, or None where it says that nothing lies beyond the range's beginning."""
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and headers:
            return None
        remedy = "Check the address or try later; another one can be given with --url and --md5"
        raise UserError(f"the server answers {error.code} ({error.reason})", file=url, remedy=remedy) from None
    except (ValueError, http.client.InvalidURL) as error:
        raise UserError(f"this is not a web address ({error})", file=url, remedy="Check --url") from None
    except (OSError, http.client.HTTPException) as error:
        raise _CutError(getattr(error, "reason", error)) from None


def _announced(response: http.client.HTTPResponse, there: int, url: str) -> tuple[int, int]:
    """Where in the archive the answer begins, and the size of the whole archive."""
    if response.status == 206:
        start, match = there, re.fullmatch(rf"bytes {there}-\d+/(\d+)", response.headers.get("Content-Range", ""))
    else:
        start, match = 0, re.fullmatch(r"(\d+)", response.headers.get("Content-Length", ""))
    if match is None:
        remedy = "Give the address of another copy with --url and --md5"
        raise UserError("the server does not say which part of how large a file it sends", file=url, remedy=remedy)
    return start, int(match[1])


def _chunks(response: http.client.HTTPResponse, missing: int) -> Iterator[bytes]:
    while missing:
        try:
            chunk = response.read1(min(CHUNK, missing))  # read() would lose what came before a timeout
        except (OSError, http.client.HTTPException) as error:
            raise _CutError(error) from None
        if not chunk:
            raise _CutError("it was closed too early")
        missing -= len(chunk)
        yield chunk


def _check(download: _Download) -> None:
    _say(f"{download.part}: checking the MD5 sum")
    with download.part.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != download.md5:
        download.delete()
        what = f"its MD5 sum is {found} and should be {download.md5}, so it was deleted"
        remedy = "Run the same command again; if that does not help, the address holds another file"
        raise UserError(what, file=download.part, remedy=remedy)


def _unpack(path: Path, folder: Path) -> None:
    try:
        with tarfile.open(path) as archive:
            members = _members(archive, folder.name)
            needed = sum(member.size for member in members)
            if shutil.disk_usage(folder.parent).free < needed:
                raise _no_room(folder.parent, needed)
            total = len(members)
            with (
                whole_folder(folder) as temporary,
                _progress(total, lambda done: f"{done} of {total} files unpacked") as show,
            ):
                for done, member in enumerate(members, 1):
                    archive.extract(member, temporary, filter="data")
                    show(done)
    except (tarfile.TarError, EOFError, OSError) as error:
        if getattr(error, "errno", None) in _FULL:
            raise
        remedy = "Delete it, and give the address of another copy with --url and --md5"
        raise UserError(f"nothing is unpacked: {' '.join(str(error).split())}", file=path, remedy=remedy) from None


def _members(archive: tarfile.TarFile, task: str) -> list[tarfile.TarInfo]:
    """The files to unpack, named from the task's folder on; a TarError for any entry that has no place there."""
    files = []
    for member in archive:
        name = PurePosixPath(member.name)
        if name.name.startswith("._"):  # macOS keeps a file's attributes there; some lie outside the task's folder
            continue
        if name.parts[:1] != (task,) or ".." in name.parts:
            raise tarfile.TarError(f"its entry {member.name!r} lies outside {task}/")
        if not member.isreg() and not member.isdir():
            raise tarfile.TarError(f"its entry {member.name!r} is neither a file nor a folder")
        if member.isreg():
            files.append(member.replace(name=str(name.relative_to(task)), deep=False))
    if "dataset.json" not in {file.name for file in files}:
        raise tarfile.TarError(f"it holds no {task}/dataset.json")
    return files


def _no_room(to: Path, needed: int, reason: str = "the disk is too full") -> UserError:
    free = shutil.disk_usage(to).free
    what = f"{reason}: {needed / GIB:.2f} GiB are needed and {free / GIB:.2f} GiB are free"
    return UserError(what, file=to, remedy="Make room and run the same command again: it goes on where it stopped")


@contextmanager
def _progress(total: int, describe: Callable[[int], str]) -> Iterator[Callable[[int], None]]:
    """Yield what shows how much is done: in place once a second on a terminal, else as a line for every 5 %."""
    terminal, last = sys.stderr.isatty(), None

    def show(done: int) -> None:
        nonlocal last
        now = (int(time.monotonic()), done == total) if terminal else 20 * done // total
        if now != last:
            last = now
            before, after = ("\r", "\x1b[K") if terminal else ("", "\n")  # the last clears the rest of the line
            print(f"{before}{describe(done)}", end=after, file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        if terminal:
            print(file=sys.stderr)


def _traffic(start: int, total: int) -> Callable[[int], str]:
    began = time.monotonic()

    def describe(done: int) -> str:
        rate = (done - start) / max(time.monotonic() - began, 1e-3)
        share = f"{done / GIB:.2f} of {total / GIB:.2f} GiB ({done / total:.0%})"
        return f"{share}, {rate / 1e6:.1f} MB/s, {(total - done) / rate / 60:.0f} min left"

    return describe


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
