"""The whole workflow on real CT, in miniature; the data are named by UNOISE_ABDOMEN_CT and are not shipped."""

import json
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from project import Project
from scipy.ndimage import gaussian_filter, map_coordinates

TASK = os.environ.get("UNOISE_ABDOMEN_CT", "")

pytestmark = pytest.mark.skipif(
    not Path(TASK, "dataset.json").is_file(),
    reason="real CT: set UNOISE_ABDOMEN_CT to the folder of Task90_AbdomenCT to run this",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("real"), Path(__file__).parent / "configs" / "real.yaml")
    project.environment["UNOISE_ABDOMEN_CT"] = str(Path(TASK).resolve())
    assert "4 cases (3 train, 0 validation, 0 calibration, 1 test)" in project.cases()
    done = project.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def test_the_two_scans_of_one_person_are_one_patient(finished):
    cases = finished.read("cases.parquet").set_index("case")
    assert cases.patient["totalseg_3mm"] == cases.patient["totalseg_native"] == "totalseg"
    assert cases.loc["totalseg_native", "axes"] == "LPS"


def test_the_segmenter_finds_the_liver_and_every_explainer_is_on_the_curve(finished):
    assert finished.read("tables/segmentation.parquet").dice.mean() > 0.35
    curves = finished.read("tables/curves.parquet")
    assert set(curves.explainer) == set(finished.config["explainers"])
    assert set(curves.patient) == {"crlm_1004"}


def test_one_test_patient_gives_neither_interval_nor_p(finished):
    ranking = finished.read("tables/ranking.parquet")
    assert ranking[["low", "high", "p"]].isna().all(axis=None)
    assert set(ranking.control_chosen_on) == {"test"}


def test_preprocessed_images_and_maps_lie_on_the_scan(finished):
    """Values on the preprocessed grid are those that the scan has at the same place in the world."""
    for folder in (finished.results / "preprocessed").iterdir():
        image, source = nib.load(folder / "image.nii.gz"), json.loads((folder / "source.json").read_text())
        scan = nib.load(next(Path(TASK, "imagesTr").glob(f"{folder.name}.nii.gz")))
        np.testing.assert_allclose(scan.affine, source["affine"])
        inside = np.argwhere(nib.load(folder / "body.nii.gz").get_fdata() > 0)[::50]
        world = nib.affines.apply_affine(image.affine, inside)
        there = nib.affines.apply_affine(np.linalg.inv(scan.affine), world).T
        coarser = np.divide(image.header.get_zooms(), scan.header.get_zooms())  # none of the scans permutes its axes
        smooth = gaussian_filter(scan.get_fdata(), np.maximum(0, (coarser - 1) / 2))
        low, high = source["window"]
        hu = map_coordinates(smooth.clip(low, high), there, order=1, mode="nearest")
        shown = image.get_fdata()[tuple(inside.T)] * (high - low) + low
        assert np.corrcoef(hu, shown)[0, 1] > 0.99
        for made in finished.results.rglob(f"importance/*/*/*/{folder.name}.nii.gz"):
            np.testing.assert_allclose(nib.load(made).affine, image.affine)
