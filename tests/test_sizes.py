"""What jobs and results are expected to take."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from unoise.workflow.config import complete
from unoise.workflow.header import read_grid
from unoise.workflow.manifest import Case, write_manifest
from unoise.workflow.plan import Plan


@pytest.fixture
def plan(tmp_path, plain_config, monkeypatch):
    """Makes plans of phantoms of this shape."""
    monkeypatch.chdir(tmp_path)
    splits = ("train", "test")
    cases = [Case(f"p{n}", f"p{n}", split, "image.nii.gz", "label.nii.gz", "liver=1") for n, split in enumerate(splits)]
    write_manifest(tmp_path / "config" / "cases" / "tiny.tsv", cases)

    def make(*shape: int | None, **compute: object) -> Plan:
        more = {"phantom": {"patients": 2}, "preprocess": {"shape": list(shape)}, "compute": compute}
        return Plan(complete(plain_config | more), tmp_path)

    return make


def test_larger_cases_and_further_attempts_ask_for_more_memory(plan):
    small, large = (plan(side, side, 40).case_memory(["p1"]) for side in (64, 512))
    assert 1000 < small(None, attempt=1) < large(None, attempt=1)
    assert large(None, attempt=2) == 2 * large(None, attempt=1)
    assert plan(512, 512, 40).training_memory(None, 1) > plan(64, 64, 40).training_memory(None, 1)
    together = plan(512, 512, 40).case_memory(["p0", "p1"], together=True)
    assert together(None, 1) > large(None, 1)


def test_the_size_of_a_case_is_read_from_its_header(plan, save_nifti):
    made = plan(64, 64, None)
    guessed = made.disk_bytes()
    save_nifti(Path(made.source("p1", "image")), np.zeros((300, 300, 200), np.int16), np.diag([1.0, 1, 3, 1]))
    assert plan(64, 64, None).disk_bytes() > guessed


def test_axes_are_put_in_order_and_what_is_no_scan_has_no_grid(tmp_path):
    """Stored as superior, left, anterior, big-endian."""
    affine = np.array([[0, -1.5, 0, 7], [0, 0, 2, 8], [5, 0, 0, 9], [0, 0, 0, 1]])
    header = nib.Nifti1Header(endianness=">")
    path = tmp_path / "scan.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), affine, header), path)
    assert read_grid(path) == ((5, 6, 4), (1.5, 2.0, 5.0))
    whole = path.read_bytes()
    for content in (b"", b"no scan", whole[:40]):
        path.write_bytes(content)
        assert read_grid(path) is None
    assert read_grid(tmp_path / "none.nii") is None


def test_maps_that_do_not_stay_take_no_disk(plan):
    assert plan(512, 512, 40, keep_maps="none").disk_bytes() < plan(512, 512, 40).disk_bytes()


def test_what_this_machine_does_not_have_is_said(plan):
    assert not list(plan(64, 64, 40).shortages())
    disk, memory = plan(60000, 60000, 4000).shortages()
    assert "are free on its disk" in disk
    assert "a job may take" in memory
