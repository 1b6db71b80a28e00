"""Show or tell: what a network finds from masks alone, on whom it learns, and what the summary says of it."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from made import stored_case
from torch import Tensor

from unoise import estimate, tables
from unoise.compute import generator
from unoise.data.units import Units
from unoise.errors import UserError
from unoise.evaluation.probe import measure_probe
from unoise.report.probe import probe_section
from unoise.statistics.probe import patient_probes
from unoise.workflow.config import complete
from unoise.workflow.manifest import Case, write_manifest
from unoise.workflow.plan import Plan
from unoise.workflow.probe_plan import ProbePlan

SIDE, PATIENTS = 32, 8
SETTINGS = {
    "key": {"model": "m", "target": "organ", "explainer": "e"},
    "target": {"class": "organ"},
    "classes": ["organ"],
    "visibilities": [0.1],
    "network": {"name": "UNet", "spatial_dims": 2, "input": "window", "channels": [8, 16], "strides": [2]},
    "training": {"steps": 60, "batch_size": 8, "learning_rate": 0.02},
    "min_voxels": 5,
    "seed": 7,
}
COMPUTE = {"device": "cpu", "precision": "float32", "batch_size": 16, "training_threads": 1}


def organs_of(patient: int) -> Tensor:
    """Four slices with a square of 10 x 10 voxels, 10 % of the slice less two voxels, at places of its own."""
    organs = torch.zeros(4, SIDE, SIDE)
    random = generator("organs", patient)
    for organ in organs:
        x, y = torch.randint(2, SIDE - 12, (2,), generator=random).tolist()
        organ[x : x + 10, y : y + 10] = 1
    return organs


def maps_of(kind: str, patient: int) -> Tensor:
    if kind == "organ":
        return organs_of(patient)
    if kind == "random":
        return torch.randn(4, SIDE, SIDE, generator=generator("maps", patient))
    without_ties = torch.arange(SIDE * SIDE).reshape(1, SIDE, SIDE) / 1e4
    return (organs_of(0)[:1] + without_ties).repeat(4, 1, 1)


@pytest.fixture
def probed(tmp_path):
    """Measures the probe on patients p0, p1, …, in two folds, whose organs and maps two functions give."""

    def measure(maps, organs=organs_of, lent: bool = True, **changed) -> pd.DataFrame:
        keys, files = [], {}
        for patient in range(PATIENTS):
            name, organ = f"p{patient}", organs(patient)
            units = Units(name, tuple(range(4)), torch.rand(4, 1, SIDE, SIDE), organ[:, None], (1.0, 1.0))
            volumes = {"label": organ.to(torch.uint8), "importance": maps(patient)}
            stored = stored_case(tmp_path / name, units, prediction_original=units.probabilities, **volumes)
            for kind, path in stored.items():
                files.setdefault(kind, []).append(path)
            partner = f"p{(patient + 2) % PATIENTS}" if lent else None
            keys.append({"case": name, "patient": name, "split": "test", "fold": patient % 2, "partner": partner})
        out = tmp_path / "counts.parquet"
        measure_probe(SETTINGS | changed, keys, files, out, COMPUTE)
        return patient_probes(tables.read(out, tables.LEAK_COUNTS))

    return measure


def told(rows: pd.DataFrame) -> pd.Series:
    return rows.dice - rows.dice_other


def test_a_mask_that_is_the_organ_tells_it(probed):
    rows = probed(lambda patient: maps_of("organ", patient))
    assert rows.patient.tolist() == [f"p{number}" for number in range(PATIENTS)]
    assert rows.dice.min() > 0.8
    assert told(rows).min() > 0.3


def test_random_masks_tell_nothing(probed):
    rows = probed(lambda patient: maps_of("random", patient))
    assert rows.dice.mean() < 0.4
    assert abs(told(rows).mean()) < 0.1


def test_one_mask_for_all_patients_tells_nothing_of_any_even_where_the_organ_always_lies_at_one_place(probed):
    rows = probed(lambda patient: maps_of("constant", patient), organs=lambda patient: organs_of(0)[:1].repeat(4, 1, 1))
    assert rows.dice.min() > 0.8
    assert told(rows).abs().max() == 0


def test_the_probe_has_not_learned_from_those_on_whom_it_is_measured(probed):
    """The masks of even patients are the organ, those of odd ones say nothing: who learns from these cannot read."""
    rows = probed(lambda patient: maps_of("constant" if patient % 2 else "organ", patient)).set_index("patient")
    assert rows.loc[["p0", "p2", "p4", "p6"], "dice"].max() < 0.6


def test_without_another_patient_in_the_fold_there_is_no_other_mask(probed):
    rows = probed(lambda patient: maps_of("organ", patient), lent=False, training=SETTINGS["training"] | {"steps": 2})
    assert rows.dice.notna().all()
    assert rows.dice_other.isna().all()


def test_what_has_no_reference_is_null_and_each_visibility_has_its_row(probed):
    """Patient 0 has no organ, and patient 6, whose partner it is, is left without another mask."""

    def organs(patient: int) -> Tensor:
        return organs_of(patient) * (patient != 0)

    few = SETTINGS["training"] | {"steps": 2}
    rows = probed(lambda patient: maps_of("organ", patient), organs, visibilities=[0.02, 0.1], training=few)
    assert rows.visibility.tolist() == [0.02] * PATIENTS + [0.1] * PATIENTS
    at = rows[rows.visibility == 0.02].set_index("patient")
    assert at.loc["p0", ["dice", "dice_other"]].isna().all()
    assert at.dice.drop("p0").notna().all()
    assert at.index[at.dice_other.isna()].tolist() == ["p0", "p6"]


def test_it_repeats(probed):
    few = {"training": SETTINGS["training"] | {"steps": 3}}
    one, again = (probed(lambda patient: maps_of("organ", patient), **few) for _ in range(2))
    pd.testing.assert_frame_equal(one, again)


# Plan


@pytest.fixture
def plan(tmp_path, plain_config):
    """Makes the plan of test patients, a name a case, and of a case to train on."""

    def make(patients: str, **probe) -> Plan:
        rows = [Case("c", "trained", "train", "image", "label", "liver=1")]
        rows += [Case(f"c{n}", one, "test", "image", "label", "liver=1") for n, one in enumerate(patients)]
        write_manifest(tmp_path / "config" / "cases" / "tiny.tsv", rows)
        config = plain_config | {"phantom": {"patients": len(rows)}}
        return Plan(
            complete(config | ({"probe": {"explainers": ["control-random"]} | probe} if probe else {})), tmp_path
        )

    return make


@pytest.mark.parametrize(
    ("patients", "folds", "number"), [("abcdefgh", 4, 4), ("abcdefgh", 2, 2), ("abcdefg", 4, 3), ("abc", 4, 2)]
)
def test_folds_are_of_whole_patients_of_two_or_more_where_there_are_four(plan, patients, folds, number):
    keys = plan(patients + patients[0], folds=folds).probe_keys
    assert len(keys) == len(patients) + 1, "the first has two scans"
    by_patient = pd.DataFrame(keys).groupby("patient").fold.unique()
    assert (by_patient.str.len() == 1).all()
    sizes = by_patient.str[0].value_counts()
    assert len(sizes) == number
    assert sizes.max() - sizes.min() <= 1


def test_a_partner_is_another_patient_of_the_same_fold(plan):
    keys = {key["case"]: key for key in plan("abcdefgha", folds=3).probe_keys}
    for key in keys.values():
        partner = keys[key["partner"]]
        assert partner["patient"] != key["patient"]
        assert partner["fold"] == key["fold"]
    assert {key["partner"] for key in plan("ab", folds=2).probe_keys} == {None}


def test_one_test_patient_is_too_few(plan):
    assert plan("aa").probe_tables == []
    with pytest.raises(UserError, match="one patient is too few") as error:
        plan("aa", folds=2)
    assert "tiny.tsv" in str(error.value)


def test_who_is_no_explainer_is_refused(plan):
    with pytest.raises(UserError, match=r"probe\.explainers: 'u-nose' is no entry of `explainers`"):
        plan("abcd", explainers=["u-nose"])


def test_a_probe_changes_nothing_else(plan):
    before, after = plan("abcd"), plan("abcd", folds=2)
    assert isinstance(after, ProbePlan)
    assert after.probe_tables == ["results/tiny/tables/probe.parquet"]
    assert after.trained == before.trained
    assert after.explainer_groups == before.explainer_groups
    assert after.leak_settings("liver") == before.leak_settings("liver")
    assert after.evaluation_settings("liver") == before.evaluation_settings("liver")


def test_the_estimate_counts_the_probes(plan, monkeypatch):
    for rate in ("forward_rate", "training_rate"):
        monkeypatch.setattr(estimate, rate, lambda config: 100.0 if config["segmenter"]["network"] else None)
    assert "probe" not in estimate.estimate_run(plan("abcd"))
    text = estimate.estimate_run(plan("abcd", folds=2, training={"steps": 50, "batch_size": 4}))
    assert re.search(r"training probes, 400 masks", text)


# Summary


def probe_rows(**dice) -> pd.DataFrame:
    """Rows of PROBE of two patients: pairs of dice and dice_other an explainer."""
    rows = [
        {"model": "m", "target": "liver", "explainer": explainer.replace("_", "-"), "visibility": visibility,
         "patient": patient, "dice": pair[0] + shift, "dice_other": pair[1]}
        for explainer, pair in dice.items()
        for visibility in (0.02, 0.1)
        for patient, shift in (("a", -0.1), ("b", 0.1))
    ]  # fmt: skip
    return pd.DataFrame(rows)[tables.PROBE.names]


def test_the_summary_shows_dice_and_what_is_told():
    text = "\n".join(probe_section(probe_rows(control_distance=(0.9, 0.2), u_noise=(0.5, 0.52))))
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    assert lines[0] == ["explainer", "2 % visible", "10 % visible"]
    assert lines[2:] == [["u-noise", *["0.50 (-0.02)"] * 2], ["control-distance", *["0.90 (+0.70)"] * 2]]
    assert "four test patients" not in text


def test_the_summary_says_why_nothing_could_be_told():
    parts = probe_section(probe_rows(u_noise=(0.5, np.nan)))
    assert "0.50 (-)" in parts[2]
    assert "four test patients" in parts[3]
