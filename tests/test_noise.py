"""The noise in HU that a map allows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from made import bright_segmenter, square_units

from unoise import tables
from unoise.errors import UserError
from unoise.evaluation.masks import ranks
from unoise.evaluation.noise import NoiseScale, NoiseTrial, NoisyCase, body_shares, fit_noise_scale
from unoise.report.noise import noise_section
from unoise.targets.base import make_target
from unoise.targets.class_target import ClassTarget

TARGET = ClassTarget("organ", 0)
SEGMENTER = bright_segmenter()


def made_case(patient: str, importance=None) -> NoisyCase:
    units = square_units(SEGMENTER, side=32, count=3)
    clean = TARGET.predicted(units.probabilities)
    body = torch.ones_like(clean)
    body[:, :, 24:] = False
    near = units.images[:, 0] if importance is None else importance(units)
    fields = torch.rand(clean.shape, generator=torch.Generator().manual_seed(2))
    drawn = torch.randn(clean.shape, generator=torch.Generator().manual_seed(len(patient)))
    return NoisyCase(patient, units, clean, body, body_shares(ranks(near, fields), body), drawn)


@pytest.fixture
def trial():
    return NoiseTrial([made_case("a"), made_case("bb")], SEGMENTER, TARGET)


def test_shares_count_the_body_alone():
    places = torch.tensor([[[0, 1, 2], [3, 4, 5]]])
    body = torch.tensor([[[False, True, True], [False, True, True]]])
    expected = torch.tensor([[[0, 0, 0.25], [0.5, 0.5, 0.75]]])
    torch.testing.assert_close(body_shares(places, body), expected)
    assert body_shares(places, torch.zeros_like(body)).tolist() == torch.zeros(1, 2, 3).tolist()


def test_a_scale_is_zero_below_the_smallest_and_never_above_the_largest():
    scale = NoiseScale((1.0, 10.0, 100.0, 1000.0), smallest=5, largest=200)
    sigma = scale.of(torch.tensor([0.0, 0.125, 0.375, 0.5, 0.625, 1.0]))
    np.testing.assert_allclose(sigma, [0, 0, 10, 10**1.5, 100, 200], rtol=1e-5)


def test_without_noise_all_agree_and_with_much_none(trial):
    assert trial.agreement(lambda case: torch.zeros_like(case.shares)) == 1
    assert trial.agreement(lambda case: torch.full_like(case.shares, 4000)) < 0.5


def test_a_patient_in_whom_nothing_is_predicted_has_no_reference(trial):
    missed = replace(made_case("missed"), clean=torch.zeros_like(made_case("missed").clean))
    with_missed = NoiseTrial([*trial.cases, missed], SEGMENTER, TARGET)
    assert {case.patient for case in with_missed.cases} == {"a", "bb"}
    left = [one.agreement(lambda case: torch.full_like(case.shares, 150)) for one in (trial, with_missed)]
    assert left[0] == left[1]
    with pytest.raises(UserError, match="finds no organ in any patient"):
        NoiseTrial([missed], SEGMENTER, TARGET)


def test_what_a_region_tolerates_costs_five_percent(trial):
    sigma = trial.tolerated(lambda case: case.clean)
    assert trial.agreement(lambda case: sigma * case.clean) == pytest.approx(0.95, abs=0.02)
    assert trial.tolerated(lambda case: torch.zeros_like(case.clean)) is None


def test_a_fitted_scale_keeps_95_percent_and_spares_what_matters(trial):
    scale = fit_noise_scale(trial, smallest=0.5, largest=3000)
    left = trial.agreement(lambda case: scale.of(case.shares))
    assert left == pytest.approx(0.95, abs=0.02)
    assert trial.agreement(lambda case: 4 * scale.of(case.shares)) < left
    sigma = scale.of(trial.cases[0].shares)
    assert sigma[trial.cases[0].clean].mean() < sigma[~trial.cases[0].clean & trial.cases[0].body].mean()


def test_the_section_says_the_rank_correlation_and_what_it_is_not():
    key = {"model": "m", "target": "organ", "explainer": "u-noise", "patients": 3}
    joint = pd.DataFrame([key | {"factor": 1.0, "agreement": 0.95}])[tables.NOISE.names]
    tolerated = [10.0, 20.0, 50.0, 40.0, None]
    rows = [key | {"bin": n + 1, "predicted_hu": 10.0 * n, "tolerated_hu": one} for n, one in enumerate(tolerated)]
    text = "\n".join(noise_section(joint, pd.DataFrame(rows)[tables.NOISE_BINS.names]))
    assert "4 of 5 tenths" in text
    assert "rank correlation of 0.80" in text
    assert "not a scanner's noise" in text
    assert "none did" in text


def test_a_region_is_kept_where_its_decisions_stay(trial):
    """Noise elsewhere in the unit, however strong, costs a region nothing."""
    target = make_target({"kind": "region", "class": "organ", "label": "organ"}, ["organ"])
    labelled = [(case, torch.zeros_like(case.units.images[:, 0])) for case in trial.cases]
    for _, label in labelled:
        label[:, 9:14, 9:14] = 1
    cases = [replace(case, units=target.locate(case.units, label)) for case, label in labelled]
    region = NoiseTrial(cases, SEGMENTER, target)
    far = {case.patient: label.roll(12, 1) for case, (_, label) in zip(cases, labelled, strict=True)}
    assert region.agreement(lambda case: 4000 * far[case.patient]) == 1
    assert region.agreement(lambda case: 4000 * (1 - far[case.patient])) < 1
