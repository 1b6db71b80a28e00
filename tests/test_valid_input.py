"""Hard but valid input is read right: however a scan is stored, preprocessing makes the same of it."""

import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from corpus import plain_config
from corpus.nifti import AFFINE, HU, IMAGE, LABEL, LIVER, read, stored
from nibabel.affines import apply_affine, from_matvec
from nibabel.orientations import axcodes2ornt, ornt_transform
from scipy.spatial.transform import Rotation

from unoise.data.cases import find_cases
from unoise.data.volumes import read_volume
from unoise.workflow.config import complete
from unoise.workflow.manifest import ID_PATTERN, SPLITS, read_manifest, write_manifest


def turned(voxels: np.ndarray, axes: str) -> bytes:
    """The same volume, stored along other axes."""
    image = nib.Nifti1Image(voxels, AFFINE)
    there = ornt_transform(nib.io_orientation(AFFINE), axcodes2ornt(axes))
    return image.as_reoriented(there).to_bytes()


def big_endian(voxels: np.ndarray) -> bytes:
    header = nib.Nifti1Header(endianness=">")
    header.set_data_dtype(voxels.dtype.newbyteorder(">"))
    return nib.Nifti1Image(voxels, AFFINE, header).to_bytes()


def scaled(voxels: np.ndarray) -> bytes:
    """With a slope of 2 and an intercept of -1024."""
    return stored((voxels + 1024) // 2, scl_slope=2, scl_inter=-1024)


def extended(voxels: np.ndarray) -> bytes:
    """With a comment in an extension of the header."""
    image = nib.Nifti1Image(voxels, AFFINE)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"a comment" * 50))
    return image.to_bytes()


def by_quaternion(voxels: np.ndarray) -> bytes:
    image = nib.Nifti1Image(voxels, AFFINE)
    image.set_qform(AFFINE, 1)
    image.set_sform(None, 0)
    return image.to_bytes()


EVEN = (HU // 2 * 2).astype(np.int16)
STORED = {
    "NIfTI-2": lambda v: stored(v, kind=nib.Nifti2Image),
    "big-endian": big_endian,
    "left-handed": lambda v: turned(v, "LAS"),
    "permuted": lambda v: turned(v, "SRA"),
    "permuted and left-handed": lambda v: turned(v, "IPR"),
    "by quaternion": by_quaternion,
    "float64": lambda v: stored(v.astype(np.float64)),
    "whole-valued floats": lambda v: stored(v.astype(np.float32)),
    "with an extension": extended,
    "without a unit": lambda v: stored(v, xyzt_units=0),
    "one volume of a series": lambda v: stored(v[..., None]),
    "padded at its end": lambda v: stored(v) + bytes(512),
}


def write(folder: Path, image: bytes, label: bytes) -> Path:
    folder.mkdir()
    (folder / IMAGE).write_bytes(gzip.compress(image))
    (folder / LABEL).write_bytes(gzip.compress(label))
    return folder


def made(folder: Path) -> dict[str, np.ndarray]:
    """What preprocessing makes of a folder: voxels and affine."""
    read(folder)
    return dict(zip(("image", "affine"), read_volume(folder / "out/image.nii.gz", "scan"), strict=True)) | {
        "label": read_volume(folder / "out/label.nii.gz", "scan")[0]
    }


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    for name, voxels in one.items():
        np.testing.assert_allclose(voxels, other[name], atol=1e-5, err_msg=name)


@pytest.mark.parametrize("way", STORED.values(), ids=STORED.keys())
def test_however_it_is_stored_it_is_the_same(tmp_path, way):
    plain = made(write(tmp_path / "plain", stored(EVEN), stored(LIVER)))
    same(plain, made(write(tmp_path / "hard", way(EVEN), way(LIVER))))


def test_stored_slope_and_intercept_are_applied(tmp_path):
    plain = made(write(tmp_path / "plain", stored(EVEN), stored(LIVER)))
    same(plain, made(write(tmp_path / "hard", scaled(EVEN), stored(LIVER))))


def test_an_oblique_scan_keeps_its_place_in_the_world(tmp_path):
    turn = Rotation.from_euler("xyz", [14, -8, 10], degrees=True).as_matrix()
    oblique = from_matvec(turn @ AFFINE[:3, :3], [5, -7, 300])
    out = made(write(tmp_path / "hard", stored(EVEN, oblique), stored(LIVER, oblique)))
    middle = [apply_affine(a, np.argwhere(v)).mean(0) for a, v in ((oblique, LIVER), (out["affine"], out["label"]))]
    np.testing.assert_allclose(*middle, atol=1e-3)


def test_a_dataset_of_names_with_blanks_and_umlauts(tmp_path):
    names = ["Müller, Jürgen 1", "Zoë (2)", "Ωmega", "a b", "100 %"]
    training = []
    for name in names:
        one = {kind: f"./{kind}s für Training/{name}.nii.gz" for kind in ("image", "label")}
        for kind, voxels in (("image", HU), ("label", LIVER)):
            (tmp_path / one[kind]).parent.mkdir(exist_ok=True)
            (tmp_path / one[kind]).write_bytes(gzip.compress(stored(voxels)))
        training.append(one)
    content = {"labels": {"0": "background", "1": "Leber, groß"}, "training": training}
    (tmp_path / "dataset.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    own = {"dataset": str(tmp_path), "classes": {"liver": ["Leber, groß"]}}
    cases, left_out = find_cases(complete(plain_config() | own))
    write_manifest(tmp_path / "cases.tsv", cases)
    assert left_out == []
    assert read_manifest(tmp_path / "cases.tsv") == cases
    assert sorted(case.original for case in cases) == sorted(names)
    assert all(ID_PATTERN.fullmatch(case.id) for case in cases)
    assert all((tmp_path / case.image).is_file() for case in cases)


def test_a_hundred_thousand_rows(tmp_path):
    own = {"phantom": {"patients": 100_000}, "classes": {"pancreas": ["pancreas"]}}
    config = complete(plain_config() | own | {"targets": {"pancreas": {"class": "pancreas"}}})
    cases, _ = find_cases(config)
    write_manifest(tmp_path / "cases.tsv", cases)
    again = read_manifest(tmp_path / "cases.tsv")
    assert again == cases
    assert len({case.id for case in again}) == 100_000
    counts = {split: sum(case.split == split for case in again) for split in SPLITS}
    assert counts == {"train": 70_000, "validation": 10_000, "calibration": 0, "test": 20_000}
    assert find_cases(config, again)[0] == cases, "nobody moves"
