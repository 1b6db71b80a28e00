"""What masks tell by their shape: contents, counts, pooling, and who lends a mask to whom."""

import numpy as np
import pandas as pd
import pytest
import torch
from made import made_segmenter, square_units, stored_case
from torch import Tensor, nn

from unoise import tables
from unoise.compute import generator
from unoise.data.units import Units
from unoise.errors import UserError
from unoise.evaluation.leak import LeakCases
from unoise.networks.segmenter import Segmenter
from unoise.obscurers.base import Surroundings, make_obscurer
from unoise.statistics.leak import map_leaks, patient_leaks
from unoise.workflow import methods
from unoise.workflow.config import complete
from unoise.workflow.manifest import Case, write_manifest
from unoise.workflow.plan import Plan

CONTENTS = ["donor", "scrambled"]

# Contents


@pytest.fixture
def around():
    return Surroundings((-160, 240), 0.3, torch.rand(5, 1, 32, 32, generator=generator("donor")), seed=7)


@pytest.fixture
def textured(segmenter):
    """Forty slices with a square at the same place, of such low contrast that nothing is clipped."""
    units = square_units(segmenter, count=40)
    units.images[:] = 0.5 + 0.02 * torch.randn(units.images.shape, generator=generator("texture"))
    units.images[:, :, 8:16, 8:16] += 0.1
    return units


def content(name: str, units: Units, around: Surroundings) -> Tensor:
    return methods.find("evaluation.contents", name).load().CONTENT(units, around)


def test_every_content_there_is_is_tried_here():
    assert list(methods.names("evaluation.contents")) == CONTENTS


@pytest.mark.parametrize("name", CONTENTS)
def test_a_content_is_made_on_the_device_of_the_units_and_stays_in_the_window(name, units, around):
    torch.set_default_device("meta")
    try:
        made = content(name, units, around)
    finally:
        torch.set_default_device(None)
    assert made.device.type == "cpu"
    assert made.shape == units.images.shape
    assert 0 <= made.min() <= made.max() <= 1


def test_scrambled_keeps_spectrum_and_mean_and_no_place(textured, around):
    made = content("scrambled", textured, around)
    spectra = [torch.fft.rfft2(one).abs() for one in (textured.images, made)]
    torch.testing.assert_close(*spectra, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(made.mean((2, 3)), textured.images.mean((2, 3)))
    before, after = ((one[:, :, 8:16, 8:16].mean() - one.mean()).item() for one in (textured.images, made))
    assert abs(after) < 0.15 * before


def test_scrambled_is_seeded_by_case_and_slice(textured, around):
    made = content("scrambled", textured, around)
    alone = content("scrambled", textured.select(torch.arange(40) == 3), around)
    torch.testing.assert_close(alone, made[3:4])
    other = Units("another", *(getattr(textured, name) for name in ("index", "images", "probabilities", "spacing")))
    assert not torch.allclose(content("scrambled", other, around), made)


def test_the_donor_is_that_of_the_obscurer(units, around):
    assert torch.equal(content("donor", units, around), make_obscurer("donor", {}).fill(units, around))


# Counts


class Painter(nn.Module):
    """Predicts the organ wherever the image is not the body's mean: it paints what is visible."""

    def forward(self, images: Tensor) -> Tensor:
        return 40 * ((images - 0.3).abs() - 0.01)


class Blind(nn.Module):
    """Predicts the same organ whatever it is shown."""

    def forward(self, images: Tensor) -> Tensor:
        fixed = torch.full_like(images, -1)
        fixed[..., 2:6, :10] = 1
        return fixed


SETTINGS = {
    "key": {"model": "m", "target": "organ", "explainer": "e"},
    "target": {"class": "organ"},
    "contents": CONTENTS,
    "leak_visibilities": [0.1],
    "min_voxels": 5,
    "seed": 7,
}
COMPUTE = {"device": "cpu", "precision": "float32", "batch_size": 3, "case_threads": 1}
KEY = {"case": "a", "patient": "a", "split": "test"}
SIDE = 32


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """Counts the leak of a case's maps beside a partner's; both are given as organs and maps (N, X, Y)."""
    judges = {"judge_original": made_segmenter(Painter()), "judge_other": made_segmenter(Blind())}
    monkeypatch.setattr(Segmenter, "load", lambda path, compute: judges[path])

    def stored(name: str, organs: Tensor, maps: Tensor):
        images = 0.2 + 0.6 * organs[:, None].float()
        units = Units(name, tuple(range(len(images))), images, organs[:, None].float(), (1.0, 1.0))
        predictions = {f"prediction_{judge}": units.probabilities for judge in ("original", "other")}
        return stored_case(tmp_path / name, units, label=organs.to(torch.uint8), importance=maps, **predictions)

    def count(own: tuple[Tensor, Tensor], partner: tuple[Tensor, Tensor] | None) -> pd.DataFrame:
        files = stored("a", *own)
        everywhere = torch.ones(2, SIDE, SIDE)
        files["donor"] = stored("donor", everywhere, everywhere)["image"]
        if partner:
            files |= {f"partner_{name}": path for name, path in stored("b", *partner).items()}
        LeakCases(SETTINGS, {name: name for name in judges}, COMPUTE)(
            KEY | {"partner": "b" if partner else None}, files, {"counts": tmp_path / "counts.parquet"}
        )
        return tables.read(tmp_path / "counts.parquet", tables.LEAK_COUNTS)

    return count


def box(rows: slice, columns: slice) -> Tensor:
    organ = torch.zeros(SIDE, SIDE)
    organ[rows, columns] = 1
    return organ


# Of 1024 voxels 10 % are 102: three rows and six voxels of the next.
FROM_TOP = -torch.arange(SIDE * SIDE, dtype=torch.float32).reshape(SIDE, SIDE)
FROM_BOTTOM = -FROM_TOP
HIGH, LOW = box(slice(2, 6), slice(0, 10)), box(slice(20, 24), slice(12, 20))


def test_counts_are_those_counted_by_hand(counted):
    """The partner's slices come in the other order: each unit is to see the mask of the one that looks like it."""
    own = torch.stack([HIGH, LOW]), torch.stack([FROM_TOP, FROM_TOP])
    partner = torch.stack([LOW, HIGH]), torch.stack([FROM_BOTTOM, FROM_TOP])
    rows = counted(own, partner)
    assert len(rows) == 2 * 2
    assert set(rows.partner) == {"b"}
    found = rows[(rows.judge == "original") & (rows.content == "donor")].iloc[0]
    assert found.clean == 40 + 32
    assert found.own == 2 * 102
    assert found.own_clean == 10 + 6, "a row of HIGH and six voxels of the next; nothing of LOW"
    assert found.other == 2 * 102
    assert found.other_clean == 10 + 6, "HIGH is seen from the top too, LOW from the bottom, where it is not"
    blind = rows[(rows.judge == "other") & (rows.content == "donor")].iloc[0]
    assert (blind.own, blind.own_clean, blind.other, blind.other_clean) == (80, 40, 80, 40)


def leak(rows: pd.DataFrame, name: str, judge: str = "original") -> float:
    pooled = patient_leaks(rows)
    return pooled[(pooled.content == name) & (pooled.judge == judge)].leak.item()


@pytest.mark.parametrize("name", CONTENTS)
def test_a_map_of_the_organ_tells_and_a_random_one_does_not(counted, name):
    own, partner = torch.stack([HIGH] * 4), torch.stack([LOW] * 4)
    rows = counted((own, own), (partner, partner))
    assert leak(rows, name) > 0.3
    assert leak(rows, name, "other") == 0, "a judge that does not look cannot be told"
    noise = torch.randn(2, 4, SIDE, SIDE, generator=generator("maps"))
    rows = counted((own, noise[0]), (partner, noise[1]))
    assert abs(leak(rows, name)) < 0.04


@pytest.mark.parametrize("partner", [None, (torch.zeros(2, SIDE, SIDE), torch.stack([FROM_TOP] * 2))])
def test_without_another_mask_there_is_no_leak(counted, partner):
    rows = counted((torch.stack([HIGH]), FROM_TOP[None]), partner)
    pooled = patient_leaks(rows)
    assert pooled[["other", "leak"]].isna().all(axis=None)
    assert pooled.own.notna().all()
    assert np.isnan(map_leaks(pooled)["organ"]["e"])


def test_a_case_without_the_organ_has_no_rows(counted):
    rows = counted((torch.zeros(1, SIDE, SIDE), FROM_TOP[None]), (torch.stack([HIGH]), FROM_TOP[None]))
    assert rows.empty
    assert patient_leaks(rows).empty
    assert map_leaks(patient_leaks(rows)) == {}


# Pooling


def counts_row(**changed):
    row = dict.fromkeys(tables.LEAK_COUNTS.names, 0) | {
        "model": "m", "target": "t", "explainer": "e", "case": "c", "patient": "p", "split": "test", "partner": "b",
        "judge": "original", "content": "donor", "visibility": 0.02,
        "clean": 10, "own": 10, "own_clean": 5, "other": 10, "other_clean": 0,
    }  # fmt: skip
    return row | changed


def test_leaks_are_pooled_over_a_patients_cases_and_null_where_one_has_no_other_mask(tmp_path):
    rows = [
        counts_row(),
        counts_row(case="d", clean=30, own=10, own_clean=10, other=10, other_clean=6),
        counts_row(patient="q", case="e"),
        counts_row(patient="q", case="f", other=None, other_clean=None),
        counts_row(patient="r", case="g", clean=0, own_clean=0),
    ]
    tables.write(tmp_path / "counts.parquet", tables.LEAK_COUNTS, rows)
    pooled = patient_leaks(tables.read(tmp_path / "counts.parquet", tables.LEAK_COUNTS)).set_index("patient")
    assert pooled.loc["p", "own"] == pytest.approx(2 * 15 / (20 + 40))
    assert pooled.loc["p", "other"] == pytest.approx(2 * 6 / (20 + 40))
    assert pooled.loc["p", "leak"] == pytest.approx(0.3)
    assert pooled.loc["q", "own"] == pytest.approx(0.5)
    assert np.isnan(pooled.loc["q", ["other", "leak"]].astype(float)).all()
    assert np.isnan(pooled.loc["r", ["own", "other", "leak"]].astype(float)).all()


def test_a_maps_leak_is_the_largest_mean_over_patients_under_the_original_judge():
    key = {"target": "t", "explainer": "e", "judge": "original", "content": "donor", "visibility": 0.02}
    rows = [
        key | {"patient": "p", "leak": 0.4},
        key | {"patient": "q", "leak": 0.0},
        key | {"patient": "p", "leak": 0.1, "content": "scrambled"},
        key | {"patient": "q", "leak": 0.5, "content": "scrambled"},
        key | {"patient": "p", "leak": 0.9, "judge": "tolerant"},
        key | {"patient": "p", "leak": 0.25, "visibility": 0.2},
        key | {"patient": "q", "leak": None, "visibility": 0.2},
        key | {"patient": "p", "leak": 0.01, "explainer": "f"},
    ]
    assert map_leaks(pd.DataFrame(rows)) == {"t": {"e": pytest.approx(0.3), "f": pytest.approx(0.01)}}


# Plan


@pytest.fixture
def plan(tmp_path, plain_config):
    """Makes the plan of some cases, given as patient and split."""

    def make(*cases: tuple[str, str]) -> Plan:
        rows = [
            Case(f"c{number}", patient, split, "image", "label", "liver=1", slices=f"{number}:{number + 1}")
            for number, (patient, split) in enumerate(cases)
        ]
        write_manifest(tmp_path / "config" / "cases" / "tiny.tsv", rows)
        return Plan(complete(plain_config | {"phantom": {"patients": len(cases)}}), tmp_path)

    return make


def test_the_partner_is_a_test_case_of_another_patient(plan):
    made = plan(("a", "train"), ("b", "test"), ("b", "test"), ("c", "test"), ("d", "validation"))
    assert [made.partner(case) for case in ("c1", "c2")] == ["c3", "c3"]
    assert made.partner("c3") in ("c1", "c2")
    lent = made.leak_input(["c1", "c3"])
    assert [path.split("/")[-2] for path in lent["partner_label"]] == ["c3", made.partner("c3")]
    assert lent["partner_importance"][0].endswith("/{target}/{explainer}/c3.nii.gz")
    assert [key["partner"] for key in made.leak_keys(["c1"])] == ["c3"]


def test_with_one_test_patient_nobody_lends_a_mask(plan):
    made = plan(("a", "train"), ("b", "test"), ("b", "test"))
    assert made.partner("c1") is None
    assert set(made.leak_input(["c1"])) == {"donor"}


def test_a_test_patient_who_is_the_only_one_trained_on_has_no_donor(plan):
    made = plan(("a", "train"), ("a", "test"), ("b", "test"))
    assert made.leak_settings("liver")["contents"] == ["scrambled"]
    assert "donor" not in made.leak_input(["c1", "c2"])
    with pytest.raises(UserError, match="case c1"):
        made.donor("c1")
