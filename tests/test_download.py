"""`unoise download`: goes on after a cut, trusts nothing it has not checked, leaves the dataset whole or absent."""

import hashlib
import io
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from unoise import cli
from unoise.data import download
from unoise.data.download import download_task
from unoise.errors import UserError

TASK = "Task07_Pancreas"
IMAGE = bytes(range(256)) * 2000
FILES = {"dataset.json": b"{}", "imagesTr/pancreas_001.nii.gz": IMAGE, "labelsTr/pancreas_001.nii.gz": b"label"}
UNLIMITED = 1 << 60


def made_archive(*more: tarfile.TarInfo, files: dict[str, bytes] = FILES) -> bytes:
    """A tar as macOS writes it, with a second file for the attributes of each; `more` are further entries."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in ("", "/imagesTr", "/labelsTr"):
            entry = tarfile.TarInfo(TASK + folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        attributes = {f"./._{TASK}": b"attributes", f"{TASK}/imagesTr/._pancreas_001.nii.gz": b"attributes"}
        for name, content in (attributes | {f"{TASK}/{name}": content for name, content in files.items()}).items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for entry in more:
            archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    return buffer.getvalue()


def made_entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


ARCHIVE = made_archive()


@dataclass
class Site:
    """What the server serves and how; `asked` are the ranges of its requests ("" for the whole)."""

    content: bytes = ARCHIVE
    etag: str = '"one"'
    status: int = 200
    ranges: bool = True
    sent_before_cut: int = UNLIMITED
    cuts: int = 0
    silence: float = 0  # seconds before a cut
    url: str = ""
    asked: list[str] = field(default_factory=list)

    @property
    def md5(self) -> str:
        return hashlib.md5(self.content).hexdigest()

    def download(self, to, task: str = TASK, url: str | None = None, md5: str | None = None, waits=(0, 0)):
        return download_task(task, to, url or self.url, md5 or self.md5, waits=waits)

    def refused(self, to, **changed) -> str:
        with pytest.raises(UserError) as raised:
            self.download(to, **changed)
        assert "\n" not in str(raised.value)
        return str(raised.value)

    def cut(self, after: int, times: int = UNLIMITED) -> None:
        self.sent_before_cut, self.cuts = after, times


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        site = self.server.site
        asked = self.headers.get("Range", "")
        site.asked.append(asked)
        if site.status != 200:
            return self.send_error(site.status)
        total, start = len(site.content), 0
        if asked and site.ranges and self.headers.get("If-Range", site.etag) == site.etag:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if start >= total:
                return self.send_error(416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(total - start))
        self.send_header("ETag", site.etag)
        self.end_headers()
        cut = site.cuts > 0
        site.cuts -= cut
        self.wfile.write(site.content[start : start + site.sent_before_cut if cut else total])
        time.sleep(site.silence * cut)

    def log_message(self, *_):
        pass


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.site = Site(url=f"http://127.0.0.1:{server.server_port}/{TASK}.tar")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run_command(monkeypatch, capsys):
    """Runs `unoise download …` and returns its exit code, standard output and standard error or message."""

    def run(*arguments: object) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["unoise", "download", *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as stopped:
            code = stopped.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


def tree(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_whole(to) -> None:
    assert tree(to) == {f"{TASK}/{name}": content for name, content in FILES.items()}, "the dataset and nothing else"


# The whole way


def test_download_is_unpacked_and_the_next_step_is_named(site, tmp_path, run_command):
    code, out, err = run_command("--to", tmp_path / "my data", "--url", site.url, "--md5", site.md5.upper())
    assert code == 0
    assert_whole(tmp_path / "my data")
    assert f"export UNOISE_PANCREAS='{tmp_path / 'my data' / TASK}'" in out
    assert "(100%)" in err
    assert "3 of 3 files unpacked" in err
    assert "\r" not in err, "no line is overwritten where there is no terminal"


def test_data_that_are_there_are_used_as_they_are(site, tmp_path, run_command):
    (tmp_path / TASK).mkdir()
    (tmp_path / TASK / "dataset.json").write_text("mine")
    code, out, err = run_command("--to", tmp_path, "--url", site.url, "--md5", site.md5)
    assert code == 0
    assert "is there already" in err
    assert str(tmp_path / TASK) in out
    assert site.asked == []
    assert tree(tmp_path) == {f"{TASK}/dataset.json": b"mine"}


def test_a_folder_without_dataset_json_is_not_replaced(site, tmp_path):
    (tmp_path / TASK).mkdir()
    (tmp_path / TASK / "notes.txt").write_text("mine")
    assert "has no dataset.json" in site.refused(tmp_path)
    assert tree(tmp_path) == {f"{TASK}/notes.txt": b"mine"}


def test_unknown_task_lists_the_known_ones(tmp_path, run_command):
    code, _, _ = run_command("Task07", "--to", tmp_path)
    assert code.startswith("unoise: there is no task 'Task07'. ")
    assert "Task01_BrainTumour" in code
    assert "Task10_Colon" in code
    assert "\n" not in code


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--url", "http://localhost/a.tar"], "--md5 one is missing"),
        (["--md5", "0" * 32], "--md5 one is missing"),
        (["--url", "a.tar", "--md5", "0" * 32], "is not a web address"),
        (["--url", "http://[a.tar", "--md5", "0" * 32], "is not a web address"),
        (["--url", "http://localhost/a.tar", "--md5", "0"], "is not an MD5 sum"),
    ],
)
def test_wrong_source_is_refused(tmp_path, run_command, arguments, what):
    code, _, _ = run_command("--to", tmp_path, *arguments)
    assert what in code
    assert "\n" not in code


# The network


def test_cut_connection_goes_on_where_it_stopped(site, tmp_path):
    site.cut(after=1000, times=2)
    site.download(tmp_path)
    assert site.asked == ["", "bytes=1000-", "bytes=2000-"]
    assert_whole(tmp_path)


def test_silent_connection_is_given_up_and_what_came_is_kept(site, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    site.cut(after=1000, times=1)
    site.silence = 1
    site.download(tmp_path)
    assert site.asked == ["", "bytes=1000-"]
    assert_whole(tmp_path)


def test_connection_that_is_always_cut_ends_and_the_next_command_goes_on(site, tmp_path, run_command):
    site.cut(after=1000)
    message = site.refused(tmp_path)
    assert f"3000 of {len(ARCHIVE)} bytes are there" in message
    assert "run the same command again: it goes on" in message
    site.cuts = 0
    code, _, _ = run_command("--to", tmp_path, "--url", site.url, "--md5", site.md5)
    assert code == 0
    assert site.asked[3:] == ["bytes=3000-"]
    assert_whole(tmp_path)


def test_server_that_ignores_ranges_sends_all_again(site, tmp_path):
    site.ranges = False
    site.cut(after=1000, times=1)
    site.download(tmp_path)
    assert site.asked == ["", "bytes=1000-"]
    assert_whole(tmp_path)


@pytest.mark.parametrize("differs", ["url", "md5", "etag", "note"])
def test_part_of_another_archive_is_not_continued(site, tmp_path, differs):
    first = {"url": site.url + "?mirror"} if differs == "url" else {"md5": "0" * 32} if differs == "md5" else {}
    site.content = bytes(len(ARCHIVE))
    md5 = hashlib.md5(ARCHIVE).hexdigest()
    site.cut(after=1000, times=1)
    site.refused(tmp_path, waits=(), **({"md5": md5} | first))
    site.content = ARCHIVE
    if differs == "etag":
        site.etag = '"two"'
    if differs == "note":
        (tmp_path / f"{TASK}.tar.part.json").unlink()
    site.download(tmp_path)
    assert_whole(tmp_path)


def test_part_that_is_whole_is_not_fetched_again(site, tmp_path):
    site.cut(after=1000, times=1)
    site.refused(tmp_path, waits=())
    (tmp_path / f"{TASK}.tar.part").write_bytes(ARCHIVE)
    site.download(tmp_path)
    assert site.asked == [""]
    assert_whole(tmp_path)


def test_part_that_is_too_long_is_deleted_by_its_sum(site, tmp_path):
    site.cut(after=1000, times=1)
    site.refused(tmp_path, waits=())
    (tmp_path / f"{TASK}.tar.part").write_bytes(ARCHIVE + b"more")
    assert "MD5 sum" in site.refused(tmp_path)
    site.download(tmp_path)
    assert_whole(tmp_path)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_answer_of_failure_is_named(site, tmp_path, run_command, status):
    site.status = status
    code, _, _ = run_command("--to", tmp_path, "--url", site.url, "--md5", site.md5)
    assert code.startswith(f"unoise: {site.url}: the server answers {status} (")
    assert "\n" not in code
    assert len(site.asked) == 1
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no-such-host.invalid"])
def test_server_out_of_reach_is_one_line(site, tmp_path, host):
    message = site.refused(tmp_path, url=f"http://{host}/{TASK}.tar")
    assert "the connection failed" in message
    assert "0 of unknown bytes are there" in message


# The disk


def test_too_little_room_for_the_archive_is_said_before_it_is_fetched(site, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=len(ARCHIVE)))
    message = site.refused(tmp_path)
    assert "GiB are needed and 0.00 GiB are free" in message
    assert "Make room" in message
    assert tree(tmp_path) == {}


def test_too_little_room_to_unpack_keeps_the_archive(site, tmp_path, monkeypatch):
    part = tmp_path / f"{TASK}.tar.part"

    def room(_):
        whole = part.exists() and part.stat().st_size == len(ARCHIVE)
        return SimpleNamespace(free=len(IMAGE) if whole else UNLIMITED)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", room)
        assert "GiB are needed" in site.refused(tmp_path)
    assert sorted(tree(tmp_path)) == [part.name, f"{part.name}.json"]
    site.download(tmp_path)
    assert site.asked == [""], "the archive is not fetched again"
    assert_whole(tmp_path)


DISK_THAT_GROWS = """
import shutil, subprocess, sys
from pathlib import Path
from types import SimpleNamespace
from unoise.data.download import download_task
from unoise.errors import UserError

to, url, md5, total = Path(sys.argv[1]), *sys.argv[2:4], int(sys.argv[4])
subprocess.run(["mount", "-t", "tmpfs", "none", to], check=True)
usage = shutil.disk_usage
for size, free in [(total // 2, 1 << 60), (2 * total + 100_000, None), (10 * total, None)]:
    subprocess.run(["mount", "-o", f"remount,size={size}", to], check=True)
    shutil.disk_usage = (lambda _: SimpleNamespace(free=free)) if free else usage
    try:
        download_task("Task07_Pancreas", to, url, md5)
    except UserError as error:
        print(error)
    print(*sorted(path.name for path in to.iterdir()))
"""


def test_disk_that_becomes_full_keeps_the_archive(site, tmp_path):
    new_disk = ["unshare", "--map-root-user", "--mount"]
    probe = [*new_disk, "mount", "-t", "tmpfs", "none", tmp_path]
    if not shutil.which("unshare") or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("a disk of one's own cannot be mounted here")
    site.content = made_archive(files=FILES | {f"imagesTr/{number}.nii.gz": b"x" for number in range(400)})
    total = len(site.content)  # a file of one byte takes 1 KiB of a tar, 4 KiB of this disk
    given = [sys.executable, "-c", DISK_THAT_GROWS, tmp_path, site.url, site.md5, str(total)]
    done = subprocess.run([*new_disk, *given], capture_output=True, text=True, check=True)
    while_fetching, there, while_unpacking, still_there, last = done.stdout.splitlines()
    for message in (while_fetching, while_unpacking):
        assert message.startswith(f"{tmp_path}: No space left on device: ")
        assert message.endswith("it goes on where it stopped.")
    assert there == still_there == f"{TASK}.tar.part {TASK}.tar.part.json"
    assert last == TASK
    first, rest = site.asked
    assert first == ""
    assert total // 4 < int(re.fullmatch(r"bytes=(\d+)-", rest)[1]) < total


def test_folder_that_cannot_be_written_is_one_line(site, tmp_path):
    (tmp_path / "file").write_text("")
    message = site.refused(tmp_path / "file" / "data")
    assert "it cannot be read or written (Not a directory)" in message


# What the archive holds


def test_wrong_sum_deletes_the_archive(site, tmp_path, run_command):
    code, _, _ = run_command("--to", tmp_path, "--url", site.url, "--md5", "0" * 32)
    assert f"its MD5 sum is {site.md5} and should be {'0' * 32}" in code
    assert "\n" not in code
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    "entry",
    [
        made_entry("../evil"),
        made_entry("/evil"),
        made_entry("evil"),
        made_entry("Task01_BrainTumour/evil"),
        made_entry(f"{TASK}/../../evil"),
        made_entry(f"{TASK}/../._hidden/../evil"),
        made_entry(f"{TASK}/evil", tarfile.SYMTYPE, "../../evil"),
        made_entry(f"{TASK}/evil", tarfile.SYMTYPE, "dataset.json"),
        made_entry(f"{TASK}/evil", tarfile.LNKTYPE, f"{TASK}/dataset.json"),
        made_entry(f"{TASK}/evil", tarfile.FIFOTYPE),
        made_entry(f"{TASK}/evil", tarfile.CHRTYPE),
    ],
    ids=lambda entry: f"{entry.name}-{entry.type.decode()}",
)
def test_entry_that_has_no_place_is_refused(site, tmp_path, entry):
    site.content = made_archive(entry)
    message = site.refused(tmp_path / "data")
    assert f"nothing is unpacked: its entry '{entry.name}' " in message
    assert sorted(tree(tmp_path)) == [f"data/{TASK}.tar.part", f"data/{TASK}.tar.part.json"]
    assert not (tmp_path / "data" / TASK).exists()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<html>" * 1000, "could not be opened"),
        (ARCHIVE[: len(IMAGE) // 2], "unexpected end of data"),
        (made_archive(files={"imagesTr/a.nii.gz": IMAGE}), f"it holds no {TASK}/dataset.json"),
    ],
    ids=["no tar", "half a tar", "no dataset.json"],
)
def test_archive_that_is_none_of_a_dataset_is_refused(site, tmp_path, content, what):
    site.content = content
    assert what in site.refused(tmp_path)
    assert not (tmp_path / TASK).exists()
