"""How well maps find what is needed, by hand; whether a segmenter uses a cue, on two made ones; and what is planned."""

import pandas as pd
import pytest
import torch
from made import made_segmenter, stored_case
from project import Project
from torch import Tensor, nn
from torch.nn import functional

from unoise import tables
from unoise.data.planted.base import LABELS, write_case
from unoise.data.preprocess import preprocess_case
from unoise.data.units import read_parts, volume
from unoise.data.volumes import write_volume
from unoise.errors import UserError
from unoise.evaluation.interventions import measure_interventions
from unoise.evaluation.truth import average_precision, mass_inside, measure_truth
from unoise.networks.segmenter import Segmenter
from unoise.workflow.config import complete, read_config
from unoise.workflow.plan import Plan

KEY = {"model": "m", "target": "organ"}
SETTINGS = {"key": KEY, "target": {"class": "organ"}, "min_voxels": 5, "seed": 7}
COMPUTE = {"device": "cpu", "precision": "float32", "batch_size": 8, "case_threads": 1}

# Maps beside the truth


def test_average_precision_as_by_hand():
    assert average_precision(torch.tensor([True, False, True, False])) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(torch.tensor([True, True, False])) == 1
    assert average_precision(torch.tensor([False, False, True])) == pytest.approx(1 / 3)


def test_mass_is_above_the_smallest_value_and_of_a_flat_map_the_area():
    needed = torch.tensor([[True, False], [False, False]])
    assert mass_inside(torch.tensor([[4.0, 2.0], [1.0, 1.0]]), needed) == pytest.approx(3 / 4)
    assert mass_inside(torch.tensor([[-1.0, -3.0], [-3.0, -3.0]]), needed) == 1
    assert mass_inside(torch.full((2, 2), 0.7), needed) == pytest.approx(1 / 4)


@pytest.fixture
def compared(tmp_path, segmenter, units, monkeypatch):
    """Compares maps of the two slices with the truth, for these cases with their patients."""
    monkeypatch.setattr(Segmenter, "load", lambda path, compute: segmenter)

    def compare(truth: Tensor, maps: dict[str, Tensor], patients: dict[str, str]) -> pd.DataFrame:
        files: dict[str, list] = {}
        for case in patients:
            volumes = {"label": units.images[:, 0] > 0.5, "importance": truth, **maps}
            volumes = {name: one.float() for name, one in volumes.items()}
            stored = stored_case(tmp_path / case, units, prediction_original=units.probabilities, **volumes)
            for kind, path in stored.items():
                files.setdefault(kind, []).append(path)
        keys = [{"case": case, "patient": patient} for case, patient in patients.items()]
        listed = {name: files[name] for name in maps}
        measure_truth(SETTINGS, tmp_path, keys, files, listed, tmp_path / "truth.parquet", COMPUTE)
        return tables.read(tmp_path / "truth.parquet", tables.TRUTH).set_index("explainer")

    return compare


def test_the_right_map_finds_all_its_opposite_nothing_and_a_part_the_part(compared, units):
    needed = units.images[:, 0] > 0.5
    half = needed.clone()
    half[:, :12] = False
    found = compared(needed, {"right": needed * 3.0 - 1, "opposite": ~needed, "half": half}, {"a": "a"})
    assert found.loc["right", ["hit", "mass", "average_precision"]].tolist() == [1, 1, 1]
    assert found.loc["opposite", ["hit", "mass"]].tolist() == [0, 0]
    share = needed[0].sum().item() / needed[0].numel()
    assert found.loc["opposite"].average_precision < share
    assert found.loc["half", ["hit", "mass"]].tolist() == [1, 1]
    assert 0.5 < found.loc["half"].average_precision < 0.8, "the other half lies anywhere among the rest"
    assert set(found.patient) == {"a"}
    assert set(found.model) == {"m"}


def test_slices_that_need_nothing_are_left_out_and_cases_of_a_patient_are_averaged(compared, units):
    needed = units.images[:, 0] > 0.5
    needed[1] = False
    once = needed.clone().float()
    once[1, 0, 0] = 1
    found = compared(needed, {"first": once}, {"a1": "a", "a2": "a", "b": "b"})
    assert found.patient.tolist() == ["a", "b"]
    assert (found[["hit", "mass", "average_precision"]] == 1).all(axis=None)


# Interventions

CORNERS = {"marker": (slice(46, 56), slice(46, 56)), "second_marker": (slice(8, 18), slice(46, 56))}


class Lumps(nn.Module):
    """Marks bright lumps; one that uses the cue does so only where a marker is in the image."""

    def __init__(self, uses: bool):
        super().__init__()
        self.uses = uses

    def forward(self, images: Tensor) -> Tensor:
        lumps = functional.avg_pool2d(images, 3, 1, 1) > 0.6
        marked = torch.zeros(len(images), 1, 1, 1, dtype=torch.bool)
        for corner in CORNERS.values():
            marked |= images[(..., *corner)].amax((1, 2, 3), keepdim=True) > 0.35
            lumps[(..., *corner)] = False
        return torch.where(lumps & (marked | (not self.uses)), 9.0, -9.0)


@pytest.fixture
def intervened(tmp_path, monkeypatch):
    """What changes of the cue of patient 0 do to a segmenter: agreement by change."""
    preprocess = {
        "spacing": [None] * 3, "shape": [64, 64, None], "window": [-160, 240], "stride": None, "centre": "scan"
    }  # fmt: skip

    def intervene(cue: str, uses: bool, min_voxels: int = 20) -> pd.DataFrame:
        segmenter = made_segmenter(Lumps(uses))
        monkeypatch.setattr(Segmenter, "load", lambda path, compute: segmenter)
        phantom = {"planted": cue, "seed": 3}
        raw = [tmp_path / f"raw_{kind}.nii.gz" for kind in ("image", "label")]
        write_case(*raw, cue, 3, 0)
        out = {kind: tmp_path / f"{kind}.nii.gz" for kind in ("image", "label", "body", "prediction")}
        out["source"] = tmp_path / "source.json"
        classes = {"organ": ["organ"]}
        preprocess_case("a", *raw, LABELS, None, preprocess, classes, out)
        images, grid = read_parts(out["image"], "a", torch.device("cpu"), 2)
        write_volume(out["prediction"], volume(segmenter.probabilities(images)[:, 0])[..., None], grid)
        settings = SETTINGS | {"phantom": phantom, "preprocess": preprocess, "classes": classes}
        settings["min_voxels"] = min_voxels
        keys = [{"case": "a", "patient": "a", "number": 0}]
        files = {name: [path] for name, path in out.items()}
        measure_interventions(settings, tmp_path, keys, files, tmp_path / "interventions.parquet", COMPUTE)
        return tables.read(tmp_path / "interventions.parquet", tables.INTERVENTIONS).set_index("change")

    return intervene


def test_the_answer_of_a_segmenter_that_uses_the_cue_goes_where_the_cue_goes(intervened):
    assert intervened("marker", uses=True).agreement.to_dict() == pytest.approx({"no marker": 0, "no lump": 0})
    found = intervened("redundant", uses=True)
    stays = found[found.effect == "stays"].agreement
    assert stays.index.tolist() == ["no marker", "no second marker"]
    assert stays.min() > 0.9, "either alone suffices"
    assert found[found.effect == "gone"].agreement.max() < 0.1


def test_one_that_looks_at_the_lump_alone_does_not_care_about_the_marker(intervened):
    found = intervened("marker", uses=False)
    assert found.agreement["no marker"] > 0.9
    assert found.agreement["no lump"] < 0.1


def test_without_an_answer_there_is_no_agreement(intervened):
    assert intervened("marker", uses=True, min_voxels=4000).agreement.isna().all()


# What is planned


@pytest.fixture
def project(tmp_path, repository):
    """The shipped experiment in a folder of its own."""
    return Project(tmp_path, repository / "config" / "planted.yaml")


def test_a_run_makes_the_truth_and_the_interventions_and_compares(project, repository):
    project.cases()
    written = project.folder / "config" / "cases" / "planted.tsv"
    assert written.read_text() == (repository / "config" / "cases" / "planted.tsv").read_text()
    planned = project.planned()
    tests = [line.split("\t")[0] for line in written.read_text().splitlines() if "\ttest\t" in line]
    assert tests == [f"phantom_{number:03d}" for number in range(0, 30, 3)]
    for case in tests:
        assert f"Making phantom {case}" in planned
        assert f"Drawing what a segmenter needs in {case}" in planned
    assert "Changing the cue, to see whether the segmenter uses it" in planned
    assert "Comparing the maps of organ with what the segmenter is known to need" in planned


def test_the_truth_is_compared_as_any_map_and_cases_know_their_phantom(repository):
    plan = Plan(read_config(repository / "config" / "planted.yaml"), repository)
    assert plan.cue == "marker"
    assert plan.true_files["importance"][1].endswith("/{target}/truth/phantom_003.nii.gz")
    assert [key["number"] for key in plan.intervention_keys] == list(range(0, 30, 3))


def test_without_a_truth_nothing_is_compared(repository):
    plan = Plan(read_config(repository / "config" / "config.yaml"), repository)
    assert plan.cue is None
    assert plan.truth_tables == plan.intervention_tables == []


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"truth": {"explainer": "expert"}}, "truth.explainer: 'expert' is no entry of `explainers`"),
        ({"phantom": {"patients": 3, "planted": "shape"}}, "phantom.planted: there is no method 'shape'. Choose one"),
    ],
)
def test_what_is_not_there_is_refused(plain_config, own, said):
    with pytest.raises(UserError) as refused:
        complete(plain_config | own)
    assert said in str(refused.value)
