"""Whatever is written is read back, and whatever is read is understood or refused (hypothesis)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import hypothesis.extra.numpy as arrays
import nibabel as nib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from corpus.configs import WHOLE
from corpus.nifti import stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nibabel.affines import from_matvec
from scipy.spatial.transform import Rotation

from unoise import tables
from unoise.data.cases import safe_name
from unoise.data.decathlon import read_task
from unoise.data.volumes import read_volume, write_volume
from unoise.errors import UserError
from unoise.workflow.config import read_config
from unoise.workflow.manifest import ID_PATTERN, SPLITS, Case, read_manifest, write_manifest

SCHEMAS = {name: one for name in tables.__all__ if isinstance(one := getattr(tables, name), pa.Schema)}
quick = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@contextmanager
def understood_or_refused() -> Iterator[None]:
    """A reader may refuse what it is given, in a line, and fail in no other way."""
    try:
        yield
    except UserError as error:
        if not str(error).isprintable():
            raise


# Volumes

KINDS = [np.uint8, np.int16, np.float32, np.float64, np.int32]
shapes = st.tuples(*[st.integers(1, 5)] * 3)
values = st.integers(0, 200)


@st.composite
def affines(draw) -> np.ndarray:
    """Turned, flipped, of any spacing from 0.05 to 50 mm."""
    turn = Rotation.from_euler("xyz", [draw(st.floats(-180, 180)) for _ in range(3)], degrees=True).as_matrix()
    sizes = [draw(st.floats(0.05, 50)) * draw(st.sampled_from([1, -1])) for _ in range(3)]
    return from_matvec(turn * sizes, [draw(st.floats(-2000, 2000)) for _ in range(3)])


def voxels(kind: type) -> st.SearchStrategy[np.ndarray]:
    return shapes.flatmap(lambda shape: arrays.arrays(kind, shape, elements=values))


@quick
@given(st.sampled_from([np.uint8, np.int32, np.float32]).flatmap(voxels), affines(), st.text(max_size=100))
def test_a_volume_comes_back(tmp_path, made, affine, description):
    path = tmp_path / "volume.nii.gz"
    write_volume(path, made, affine, description)
    again, placed = read_volume(path, "scan")
    np.testing.assert_array_equal(again, made)
    np.testing.assert_allclose(placed, affine, rtol=1e-5, atol=1e-3)
    assert list(tmp_path.iterdir()) == [path]


@quick
@given(
    st.sampled_from(KINDS).flatmap(voxels),
    affines(),
    st.sampled_from([nib.Nifti1Image, nib.Nifti2Image]),
    st.sampled_from(["<", ">"]),
    st.sampled_from([(1, 0), (2, -1024), (0.5, 3)]),
)
def test_a_scan_of_any_type_order_and_scaling_is_read(tmp_path, made, affine, kind, order, scaling):
    header = kind.header_class(endianness=order)
    header.set_data_dtype(made.dtype.newbyteorder(order))
    content = kind(made, affine, header).to_bytes()
    size = kind.header_class.sizeof_hdr
    header = kind.header_class(content[:size], check=False)
    header["scl_slope"], header["scl_inter"] = scaling
    path = tmp_path / "scan.nii"
    path.write_bytes(header.binaryblock + content[size:])
    again, placed = read_volume(path, "scan")
    np.testing.assert_allclose(again, made.astype(np.float64) * scaling[0] + scaling[1], rtol=1e-6)
    np.testing.assert_allclose(placed, affine, rtol=1e-4, atol=1e-3)


@quick
@given(st.lists(st.tuples(st.integers(0, 399), st.integers(0, 255)), min_size=1, max_size=8), st.integers(1, 400))
def test_a_damaged_scan_is_refused_or_a_volume(tmp_path, damage, length):
    content = bytearray(stored(np.arange(24, dtype=np.int16).reshape(2, 3, 4))[:length])
    for place, value in damage:
        content[place % len(content)] = value
    path = tmp_path / "scan.nii"
    path.write_bytes(content)
    with understood_or_refused():
        made, affine = read_volume(path, "scan")
        assert np.isfinite(made).all()
        assert np.linalg.det(affine[:3, :3]) != 0


# Tables


def cells(kind: pa.DataType) -> st.SearchStrategy:
    if pa.types.is_fixed_size_list(kind):
        return st.lists(cells(kind.value_type), min_size=kind.list_size, max_size=kind.list_size)
    if pa.types.is_list(kind):
        return st.lists(cells(kind.value_type), max_size=4)
    made = {
        pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        pa.int64(): st.integers(-(2**63), 2**63 - 1),
        pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
        pa.bool_(): st.booleans(),
    }
    return made[kind] if kind in made else st.integers(0, 100)


def rows(schema: pa.Schema) -> st.SearchStrategy[list[dict]]:
    return st.lists(st.fixed_dictionaries({one.name: st.none() | cells(one.type) for one in schema}), max_size=3)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_table_comes_back(tmp_path, name):
    schema = SCHEMAS[name]

    @settings(quick, max_examples=8)
    @given(rows(schema))
    def comes_back(made):
        path = tmp_path / "table.parquet"
        tables.write(path, schema, made)
        expected = pa.Table.from_pylist(made, schema=schema).to_pandas()
        pd.testing.assert_frame_equal(tables.read(path, schema), expected)
        pd.testing.assert_frame_equal(tables.read([path, path], schema).iloc[: len(made)], expected)

    comes_back()


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
plain = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}", fullmatch=True)
parts = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/{}<>"), max_size=12)
files = parts.map(lambda part: f"folder/{part.replace('..', '') or 'x'}.nii.gz")
names = words.map(lambda word: word.replace(";", "").replace("=", "")).filter(bool)
structures = st.dictionaries(names, st.integers(0, 99999), max_size=3).map(
    lambda found: ";".join(f"{name}={value}" for name, value in found.items())
)
cases = st.builds(Case, plain, plain, st.sampled_from(SPLITS), files, files, structures, words)


@quick
@given(st.lists(cases, min_size=2, max_size=6, unique_by=(lambda one: one.id.lower(), lambda one: one.patient)))
def test_a_manifest_comes_back(tmp_path, made):
    made = [replace(made[0], split="train"), replace(made[1], split="test"), *made[2:]]
    path = tmp_path / "cases.tsv"
    write_manifest(path, made)
    assert read_manifest(path) == made


@quick
@given(st.text() | st.binary())
def test_any_text_as_a_manifest_is_refused(tmp_path, content):
    refused(tmp_path / "cases.tsv", content, read_manifest)


@quick
@given(st.text())
def test_any_name_becomes_an_id_that_stays_in_its_folder(name):
    made = safe_name(name)
    assert ID_PATTERN.fullmatch(made)
    assert Path("results", made).parent == Path("results")
    assert len(f".tmp-{2**31}-{made}.nii.gz".encode()) < 255, "as long as file names can be"


# Texts

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def refused(path: Path, content: str | bytes, read) -> None:
    """`read` a file with this content; it may refuse it in a line, and fail in no other way."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    with pytest.raises(UserError) as raised:
        read(path)
    assert str(raised.value).isprintable()


@quick
@given(st.fixed_dictionaries({}, optional={"labels": trees, "training": st.lists(trees, max_size=2) | trees}))
def test_any_json_as_a_dataset_is_refused(tmp_path, content):
    refused(tmp_path / "dataset.json", json.dumps(content), lambda path: read_task(path.parent))


@quick
@given(st.sampled_from([*WHOLE, "preprocess", "evaluation", "noise", "regions"]), trees)
def test_any_section_of_a_config_is_understood_or_refused(tmp_path, section, content):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(WHOLE | {section: content}), encoding="utf-8")
    with understood_or_refused():
        assert read_config(path)["experiment"]
