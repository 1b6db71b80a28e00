"""What the segmenter needs and the maps look at: regions where they are, counted as by hand, pooled by patient."""

import numpy as np
import pandas as pd
import pytest
import torch
from made import made_segmenter, stored_case
from matplotlib.image import imread
from torch import Tensor, nn

from unoise import tables
from unoise.data.preprocess import body_mask
from unoise.data.scenery import table_mask, text_mask
from unoise.data.structures import structures_case
from unoise.data.units import Units
from unoise.data.volumes import read_volume
from unoise.errors import UserError
from unoise.evaluation.necessity import NecessityCases
from unoise.evaluation.region_mass import measure_mass
from unoise.evaluation.regions import read_regions
from unoise.networks.segmenter import Segmenter
from unoise.report.regions import regions_section
from unoise.report.regions_figure import draw_regions
from unoise.statistics.regions import patient_necessity, region_means
from unoise.workflow.config import complete
from unoise.workflow.manifest import Case, write_manifest
from unoise.workflow.plan import Plan
from unoise.workflow.regions import BANDS

SIDE = 32
ORGAN = (slice(12, 20), slice(10, 20))
MARKER = (slice(0, 4), slice(0, 4))
SETTINGS = {
    "key": {"model": "m", "target": "organ"},
    "target": {"class": "organ"},
    "classes": ["organ"],
    "names": ["organ", "marker", "spleen"],
    "dims": 2,
    "min_voxels": 5,
    "border_mm": 2.0,
    "near_mm": 6.0,
    "seed": 7,
}
COMPUTE = {"device": "cpu", "precision": "float32", "batch_size": 3, "case_threads": 1}
VALUES = {"organ": [1], "marker": [3, 4]}


class Marked(nn.Module):
    """Predicts the organ at its place where the marker in the corner is bright, whatever the rest shows."""

    def forward(self, images: Tensor) -> Tensor:
        logits = torch.full_like(images, -9)
        bright = images[(..., *MARKER)].mean((-2, -1), keepdim=True) > 0.5
        logits[(..., *ORGAN)] = torch.where(bright, 9.0, -9.0)
        return logits


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Stores a case of two slices with the marker, the organ, a body and a table; its files."""
    segmenter = made_segmenter(Marked())
    monkeypatch.setattr(Segmenter, "load", lambda path, compute: segmenter)

    def store(name: str = "a", **changed: Tensor) -> dict:
        images = torch.full((2, 1, SIDE, SIDE), 0.2)
        images[(..., *MARKER)] = 0.9
        units = Units(name, (0, 1), images, segmenter.probabilities(images), (1.0, 2.0))
        label, structures, found, body = (torch.zeros(2, SIDE, SIDE, dtype=torch.uint8) for _ in range(4))
        label[(..., *ORGAN)] = structures[(..., *ORGAN)] = 1
        structures[(..., *MARKER)] = 4
        body[:, :28], found[:, 29:31] = 1, 1
        volumes = {"label": label, "structures": structures, "found": found, "body": body} | changed
        return stored_case(tmp_path / name, units, prediction_original=units.probabilities, **volumes)

    return store


def needed(files: dict, tmp_path, values=VALUES, patient="a", obscurers=("mean",)) -> pd.DataFrame:
    settings = SETTINGS | {"obscurers": {name: {} for name in obscurers}}
    key = {"case": "a", "patient": patient, "split": "test", "values": values}
    out = {"counts": tmp_path / "counts.parquet"}
    NecessityCases(settings, {"judge_original": "any"}, COMPUTE)(key, files, out)
    return tables.read(out["counts"], tables.REGION_COUNTS)


def looked(files: dict, tmp_path, values=VALUES) -> pd.DataFrame:
    settings = SETTINGS | {"key": SETTINGS["key"] | {"explainer": "e"}, "visibilities": [16 / SIDE**2]}
    key = {"case": "a", "patient": "a", "split": "test", "values": values}
    measure_mass(settings, [key], {name: [path] for name, path in files.items()}, tmp_path / "mass.parquet")
    return tables.read(tmp_path / "mass.parquet", tables.REGION_MASS)


# What they are


def test_bands_of_distance_divide_the_unit_and_are_in_mm(stored):
    files = stored()
    predicted = torch.zeros(2, SIDE, SIDE, dtype=torch.bool)
    predicted[(0, *ORGAN)] = True
    regions = list(read_regions("a", files, VALUES, predicted, torch.tensor([True, True]), (1.0, 2.0), SETTINGS))
    bands = {region.name: region for region in regions if region.kind == "distance"}
    assert sum(band.inside[0].int() for band in bands.values()).eq(1).all()
    row, column = bands["border"].inside[0, :, 15], bands["border"].inside[0, 15]
    assert row.nonzero().flatten().tolist() == [10, 11, 12, 13, 18, 19, 20, 21], "2 mm are two voxels of 1 mm"
    assert column.nonzero().flatten().tolist() == [9, 10, 19, 20], "and one of 2 mm"
    assert bands["near"].inside[0, :, 15].nonzero().flatten().tolist() == [6, 7, 8, 9, 22, 23, 24, 25]
    assert not any(band.inside[1].any() for band in bands.values()), "without a prediction there is no distance"
    assert bands["far"].known.tolist() == [True, False]


def test_regions_of_a_volume_are_in_three_dimensions(tmp_path, save_nifti):
    empty = np.zeros((16, 16, 8), np.uint8)
    files = {name: save_nifti(tmp_path / f"{name}.nii.gz", empty) for name in ("body", "structures", "found")}
    predicted = torch.zeros(1, 16, 16, 8, dtype=torch.bool)
    predicted[0, 8, 8, 4] = True
    settings, keep = SETTINGS | {"dims": 3, "border_mm": 2.0}, torch.tensor([True])
    regions = {one.name: one for one in read_regions("a", files, {}, predicted, keep, (1.0, 1.0, 3.0), settings)}
    assert regions["border"].inside[0, 8, 8].nonzero().flatten().tolist() == [4], "the next slice is 3 mm away"
    assert regions["border"].inside[0, 8, :, 4].nonzero().flatten().tolist() == [6, 7, 8, 9, 10]
    assert regions["near"].inside[0, 8, 8].nonzero().flatten().tolist() == [2, 3, 5, 6]
    assert regions["outside-body"].inside.all()


def test_a_coarse_grid_has_a_border_too(stored):
    predicted = torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
    predicted[(0, *ORGAN)] = True
    keep, coarse = torch.tensor([True, False]), (3.0, 3.0)
    regions = {one.name: one for one in read_regions("a", stored(), VALUES, predicted, keep, coarse, SETTINGS)}
    assert regions["border"].inside[0, :, 15].nonzero().flatten().tolist() == [11, 12, 19, 20]


def test_a_structure_that_is_not_annotated_is_unknown_and_labels_are_merged(stored):
    keep, predicted = torch.tensor([True, False]), torch.ones(1, SIDE, SIDE, dtype=torch.bool)
    regions = {one.name: one for one in read_regions("a", stored(), VALUES, predicted, keep, (1.0, 2.0), SETTINGS)}
    assert regions["marker"].inside.sum() == 16
    assert regions["spleen"].known.tolist() == [False]
    assert regions["outside-body"].inside.sum() == 4 * SIDE
    assert regions["table"].inside.sum() == 2 * SIDE
    assert regions["inside"].inside.all(), "a unit full of the target has no border"


# What is needed


def test_the_marker_that_decides_is_needed_and_nothing_else(stored, tmp_path):
    counts = needed(stored(), tmp_path)
    found = patient_necessity(counts).set_index("region")
    assert found.necessity["marker"] == 1
    assert found.share["marker"] == pytest.approx(16 / SIDE**2)
    for name in ("organ", "inside", "border", "near", "outside-body", "table"):
        assert found.necessity[name] == 0
    assert found.necessity["far"] == 1, "the marker lies there"
    assert np.isnan(found.necessity["spleen"]), "it is not annotated"
    assert np.isnan(found.share["spleen"])
    assert np.isnan(found.necessity["text"]), "there is none"
    assert found.share["text"] == 0


def test_every_obscurer_hides_and_without_the_organ_there_are_no_rows(stored, tmp_path):
    counts = needed(stored(), tmp_path, obscurers=("mean", "zero"))
    assert counts.groupby("obscurer").size().tolist() == [10, 10]
    nothing = torch.zeros(2, 1, SIDE, SIDE)
    files = stored("b", label=nothing[:, 0], nothing=nothing)
    assert needed(files | {"prediction_original": files["nothing"]}, tmp_path).empty


def test_necessity_is_pooled_over_the_cases_of_a_patient_in_which_the_structure_is_annotated(stored, tmp_path):
    annotated = needed(stored(), tmp_path)
    bare = needed(stored(), tmp_path, values={"organ": [1]})
    found = patient_necessity(pd.concat([annotated, bare])).set_index("region")
    assert found.necessity["marker"] == 1, "not halved by the case without"
    assert np.isnan(patient_necessity(bare).set_index("region").necessity["marker"])


# Where maps look


def test_mass_is_the_share_of_the_top_voxels_and_enrichment_that_over_chance(stored, tmp_path):
    importance = torch.zeros(2, SIDE, SIDE)
    importance[0][MARKER] = importance[1][29:30, :16] = 1
    found = looked(stored(importance=importance), tmp_path).set_index("region")
    assert found.mass["marker"] == 0.5
    assert found.enrichment["marker"] == pytest.approx(0.5 / (16 / SIDE**2))
    assert found.mass["table"] == found.mass["outside-body"] == 0.5
    assert found.mass["organ"] == 0
    assert found.loc[["spleen", "text"], ["mass", "enrichment"]].isna().all(axis=None)
    assert found.loc[list(BANDS), "mass"].sum() == pytest.approx(1)


# Table and text


def scene(noise: float = 8.0) -> np.ndarray:
    """HU (X, Y, Z) of a cylinder in air, 2 mm wide voxels, with a table of 4 mm below it."""
    rng = np.random.default_rng(3)
    x, y, _ = np.meshgrid(np.arange(96) - 48, np.arange(96) - 52, np.arange(4), indexing="ij")
    hu = np.where(np.hypot(x, y) < 34, 40.0, -1000.0)
    hu[8:88, 10:12] = -120
    return (hu + rng.normal(0, noise, hu.shape)).astype(np.float32)


def test_the_table_is_what_is_wide_dense_and_below():
    hu = scene()
    hu[10:20, 60:70] = 60  # an arm at the side
    hu[8:88, 92:94] = 0  # something wide above
    body = body_mask(hu, (2.0, 2.0, 5.0))
    found = table_mask(hu, body, (2.0, 2.0, 5.0))
    assert found[8:88, 10:12].all()
    assert found.sum() == 80 * 2 * 4
    assert not table_mask(hu[:, ::-1], body[:, ::-1], (0.5, 0.5, 5.0)).any(), "40 mm are too narrow"


def test_text_is_bright_constant_and_outside_or_repeated():
    hu = scene()
    body = body_mask(hu, (2.0, 2.0, 5.0))
    assert not text_mask(hu, body).any()
    hu[2:10, 90, 1] = 3071  # a stroke in the corner of one slice
    hu[40:50, 50, 2:4] = 1000  # a line over the patient, in two slices
    hu[40:50, 60, 0] = 1000  # in one slice alone it may be metal
    hu[90:93, 90, 0] = 3071  # too few voxels for a letter
    found = text_mask(hu, body)
    assert found[2:10, 90, 1].all()
    assert found[40:50, 50, 2:4].all()
    assert found.sum() == 8 + 20


def test_structures_and_text_lie_on_the_preprocessed_grid(tmp_path, save_nifti):
    hu = scene()
    hu[2:10, 90] = 3071
    label = np.zeros(hu.shape, np.uint8)
    label[40:60, 40:60], label[60:64, 40:60] = 7, 200
    affine = np.diag([-2.0, -2.0, 5.0, 1])  # as stored by many scanners: to the left and to the back
    stored = [save_nifti(tmp_path / f"{name}.nii.gz", one[::-1, ::-1], affine) for name, one in
              (("image", hu), ("label", label))]  # fmt: skip
    origin = affine @ [95, 95, 0, 1]
    grid = np.array([[4, 0, 0, origin[0]], [0, 4, 0, origin[1]], [0, 0, 5, 0], [0, 0, 0, 1.0]])
    body = save_nifti(tmp_path / "body.nii.gz", np.zeros((48, 48, 4), np.uint8), grid)
    out = {name: tmp_path / f"{name}.nii.gz" for name in ("structures", "found")}
    structures_case("a", *stored, body, out)
    structures, affine = read_volume(out["structures"], "a")
    np.testing.assert_allclose(affine, grid)
    assert set(np.unique(structures)) == {0, 7, 200}
    np.testing.assert_array_equal(structures, label[::2, ::2])
    found, _ = read_volume(out["found"], "a")
    assert (found[1:5, 45] == 2).all(), "a line of one voxel is not lost on a coarser grid"
    assert (found[4:44, 5] == 1).all()


# What is asked for


@pytest.fixture
def planned(plain_config, tmp_path):
    """The plan of the smallest config with two sections and a manifest of three cases."""

    def plan(regions: dict, forbidden: dict | None = None) -> Plan:
        (tmp_path / "data").mkdir(exist_ok=True)
        for name in ("i", "l"):
            (tmp_path / "data" / name).touch()
        annotated = {"a": "liver=1", "b": "liver=1;spine=4", "c": "liver=2;rib=3"}
        cases = [
            Case(name, name, "train" if name == "a" else "test", "i", "l", one, subgroups=(("sex", name),))
            for name, one in annotated.items()
        ]
        config = plain_config | {"regions": regions, "forbidden": forbidden or {}, "dataset": str(tmp_path / "data")}
        write_manifest(tmp_path / "config" / "cases" / "tiny.tsv", cases)
        return Plan(complete(config), tmp_path)

    return plan


def test_each_case_says_which_values_its_regions_have(planned):
    plan = planned({"structures": {"bone": ["spine", "rib"], "spine": ["spine"]}})
    assert [key["values"] for key in plan.region_keys(["b", "c"])] == [
        {"liver": [1], "bone": [4], "spine": [4]},
        {"liver": [2], "bone": [3]},
    ]
    assert plan.subgroups == {"sex": {"b": "b", "c": "c"}}
    assert plan.has_regions
    assert not plan.looking
    assert not planned({}).has_regions
    assert planned({}, {"regions": ["table"]}).has_regions


@pytest.mark.parametrize(
    ("regions", "forbidden", "said"),
    [
        ({"structures": {"bone": ["tibia"]}}, {}, "no test case has tibia annotated"),
        ({"structures": {"liver": ["liver"]}}, {}, "a class or a region has this name"),
        ({"structures": {"table": ["rib"]}}, {}, "a class or a region has this name"),
        ({"near_mm": 5}, {}, "regions.near_mm: it is not above"),
        ({"explainers": ["occlusion"]}, {}, "regions.explainers: 'occlusion' is no entry"),
        ({"obscurers": {"men": {}}}, {}, "there is no method 'men'"),
        ({}, {"regions": ["tabel"]}, "there is no region 'tabel'. Known here: liver, inside"),
        ({}, {"regions": ["table"], "explainers": ["control-random"]}, "explainers and largest_mass go together"),
        ({}, {"explainers": ["control-random"], "largest_mass": 0.1}, "no region is forbidden"),
        ({}, {"regions": ["table"], "largest_necessity": None}, "nothing would be asked"),
    ],
)
def test_what_cannot_be_asked_is_refused(planned, regions, forbidden, said):
    with pytest.raises(UserError) as raised:
        planned(regions, forbidden)
    assert said in str(raised.value)


# What the summary says


def many(patients: int = 4) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables with two regions and a third that nobody shows."""
    necessity, mass = [], []
    regions = {"or|gan": ("structure", 0.5), "table": ("surroundings", 0.1), "text": ("surroundings", None)}
    for n in range(patients):
        for region, (kind, value) in regions.items():
            shared = {"model": "m", "target": "t", "kind": kind, "region": region, "patient": f"p{n}", "split": "test"}
            shared |= {"seed": 1, "share": 0.2 if value else 0.0}
            own = None if value is None else value + 0.01 * n
            necessity.append(shared | {"judge": "original", "obscurer": "mean", "necessity": own})
            mass += [shared | {"explainer": key, "visibility": 0.02, "mass": own} for key in ("e", "control-random")]
    return pd.DataFrame(necessity), pd.DataFrame(mass)


def test_means_are_over_the_patients_who_show_the_region():
    necessity, _ = many()
    necessity.loc[(necessity.region == "table") & (necessity.patient != "p3"), "necessity"] = None
    found = region_means(necessity, ["target"], "necessity", 200, 1).set_index("region")
    assert found["mean"]["or|gan"] == pytest.approx(0.515)
    assert found.low["or|gan"] < 0.515 < found.high["or|gan"]
    assert found.largest["or|gan"] == pytest.approx(0.53)
    assert found.patients.to_dict() == {"or|gan": 4, "table": 1, "text": 0}
    assert found["mean"]["table"] == pytest.approx(0.13)
    assert found.absent.to_dict() == {"or|gan": False, "table": False, "text": True}


def test_the_section_and_the_figure_show_every_region(tmp_path):
    section = regions_section(*many(), {"border_mm": 5, "near_mm": 30}, 200, 1, "slice")
    text = "\n".join(section)
    assert "or\\|gan" in text
    assert "0.515 (" in text
    assert "top 2 %" in text
    assert section == regions_section(*many(), {"border_mm": 5, "near_mm": 30}, 200, 1, "slice")
    draw_regions(*many(), 200, 1, tmp_path / "regions.png")
    picture = imread(tmp_path / "regions.png")
    assert picture[..., :3].std() > 0.05


def test_where_nothing_was_evaluated_section_and_figure_say_so(tmp_path):
    empty = [schema.empty_table().to_pandas() for schema in (tables.REGION_NECESSITY, tables.REGION_MASS)]
    assert "No region could be hidden" in regions_section(*empty, {}, 200, 1, "slice")[0]
    draw_regions(*empty, 200, 1, tmp_path / "regions.png")
    assert (tmp_path / "regions.png").stat().st_size > 200
