"""Files are whole or absent."""

import json

import numpy as np
import pytest

from unoise.data.volumes import read_volume, write_volume
from unoise.files import whole_file, whole_folder, write_json


def test_a_volume_written_anew_leaves_other_names_of_the_old_one(tmp_path):
    """Outputs are hard links into the store of finished cases: a new output must not change what lies there."""
    path, stored = tmp_path / "image.nii.gz", tmp_path / "stored.nii.gz"
    write_volume(path, np.ones((2, 2, 2), np.float32), np.eye(4))
    stored.hardlink_to(path)
    write_volume(path, np.zeros((2, 2, 2), np.float32), np.eye(4))
    assert read_volume(stored, "scan")[0].all()
    assert not read_volume(path, "scan")[0].any()
    assert sorted(tmp_path.iterdir()) == [path, stored]


def test_a_file_interrupted_leaves_the_old_one(tmp_path):
    path = tmp_path / "source.json"
    write_json(path, {"a": 1})

    def interrupted() -> None:
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_interrupted_leaves_the_old_one(tmp_path):
    path = tmp_path / "case"
    for content in ("first", "second"):
        with whole_folder(path) as temporary:
            (temporary / content).write_text(content)

    def interrupted() -> None:
        with whole_folder(path) as temporary:
            (temporary / "third").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [one.name for one in path.iterdir()] == ["second"]
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed_and_what_others_write_is_not(tmp_path):
    """A file half written may be another name of one in the store: it must go, not be written into."""
    stored = tmp_path / "stored.json"
    stored.write_text("{}")
    (tmp_path / ".tmp-1-source.json").hardlink_to(stored)
    (tmp_path / ".tmp-1-other-source.json").write_text("of another")
    (tmp_path / ".tmp-2-case").mkdir()
    write_json(tmp_path / "source.json", {"a": 1})
    with whole_folder(tmp_path / "case"):
        pass
    assert stored.read_text() == "{}"
    assert {path.name for path in tmp_path.iterdir()} == {
        "stored.json",
        "source.json",
        "case",
        ".tmp-1-other-source.json",
    }
