"""Files are whole or absent."""

import json

import numpy as np
import pandas as pd
import pytest

from unoise import tables
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


@pytest.mark.parametrize(
    ("voxels", "affine", "said"),
    [
        (np.full((2, 2, 2), np.nan, np.float32), np.eye(4), "8 voxels"),
        (np.ones((2, 2), np.float32), np.eye(4), "3 or 4 axes"),
        (np.ones((2, 0, 2), np.float32), np.eye(4), "3 or 4 axes"),
        (np.ones((2, 2, 2), np.float32), np.diag([1.0, 0, 1, 1]), "cannot be inverted"),
        (np.ones((2, 2, 2), np.float32), np.diag([1.0, np.inf, 1, 1]), "cannot be inverted"),
    ],
)
def test_a_volume_that_is_not_sound_is_not_written(tmp_path, voxels, affine, said):
    with pytest.raises(ValueError, match=said):
        write_volume(tmp_path / "image.nii.gz", voxels, affine)
    assert not list(tmp_path.iterdir())


def test_a_table_with_numbers_that_are_not_finite_is_not_written(tmp_path):
    path = tmp_path / "cases.parquet"
    for row in ({"body_ml": float("inf")}, {"label_ml": float("nan")}, {"spacing": [1.0, float("nan"), 1.0]}):
        with pytest.raises(ValueError, match="not finite"):
            tables.write(path, tables.CASES, [{"case": "a", **row}])
    assert not list(tmp_path.iterdir())
    tables.write(path, tables.CASES, [{"case": "a", "spacing": [1.0, 2.0, 3.0]}, {"case": "b"}])
    assert tables.read(path, tables.CASES).body_ml.isna().all()


def test_volatile_columns_and_rows_are_no_part_of_what_is_stable():
    scores = pd.DataFrame({"score": ["leak", "seconds"], "mean": [0.1, 0.2]}).reindex(columns=tables.SCORES.names)
    assert tables.stable(scores, tables.SCORES)["mean"].tolist()[0] == 0.1
    assert tables.stable(scores, tables.SCORES)["mean"].isna().tolist() == [False, True]
    costs = pd.DataFrame({"forwards": [3], "seconds": [1.0]}).reindex(columns=tables.COSTS.names)
    assert tables.stable(costs, tables.COSTS)["forwards"].tolist() == [3]
    assert tables.stable(costs, tables.COSTS)["seconds"].isna().all()
    assert costs["seconds"].tolist() == [1.0]
