"""Targets: where each kind lies, what counts as agreement there, and what stands where one is empty."""

import json

import pandas as pd
import pytest
import torch
from made import bright_segmenter, square_units, stored_case
from torch import nn

from unoise import tables
from unoise.data.units import Units
from unoise.evaluation.evaluate import EvaluateCases
from unoise.evaluation.leak import LeakCases
from unoise.explainers.base import Context
from unoise.networks.build import INPUTS, Normalised
from unoise.networks.segmenter import Segmenter
from unoise.networks.windows import Windows
from unoise.report.absent import absent_sentence
from unoise.statistics.curves import areas, patient_curves
from unoise.statistics.leak import patient_leaks
from unoise.targets.base import make_target
from unoise.workflow import methods

CLASSES = ["organ", "other"]
COMPUTE = {"device": "cpu", "precision": "float32", "batch_size": 3, "case_threads": 1}
KEY = {"case": "made", "patient": "p", "split": "test"}
ALL = {"kind": "component", "class": "organ", "rank": 1}


def made_units(*channels: torch.Tensor, spacing: tuple[float, ...]) -> Units:
    """Units whose probability is .9 where a channel (N, *S) is 1, and .1 elsewhere."""
    probabilities = 0.1 + 0.8 * torch.stack([one.float() for one in channels], dim=1)
    images = torch.zeros_like(probabilities[:, :1])
    return Units("made", tuple(range(len(images))), images, probabilities, spacing)


def region(settings: dict, units: Units, label: torch.Tensor | None = None) -> torch.Tensor:
    target = make_target(settings, CLASSES)
    return target.place(target.locate(units, label).probabilities)


def boxes(dims: int) -> torch.Tensor:
    """Two parts of an organ in 8 x 8 x 4 voxels, apart, of 4 and of 8 voxels: as slices or as a volume."""
    volume = torch.zeros(8, 8, 4)
    volume[1:3, 1:3, 0] = 1
    volume[5:7, 5:7, 1:3] = 1
    return volume.movedim(2, 0) if dims == 2 else volume[None]


@pytest.mark.parametrize("dims", [2, 3])
def test_components_are_those_of_the_whole_case(dims):
    units = made_units(boxes(dims), boxes(dims) * 0, spacing=(1.0,) * dims)
    largest, next_one, none = (region({**ALL, "rank": rank}, units) for rank in (1, 2, 3))
    assert (largest.sum(), next_one.sum(), none.sum()) == (8, 4, 0)
    assert torch.equal(largest | next_one, boxes(dims) > 0)
    if dims == 2:
        assert largest.flatten(1).sum(1).tolist() == [0, 4, 4, 0]


def test_voxels_that_touch_at_a_corner_are_connected():
    diagonal = torch.eye(4)[None]
    assert region(ALL, made_units(diagonal, spacing=(1.0, 1.0))).sum() == 4


@pytest.mark.parametrize("dims", [2, 3])
def test_a_border_is_measured_in_millimetres(dims):
    """A row of voxels: 2 mm apart along the first axis, 10 mm along the others."""
    shape = {2: (1, 12, 3), 3: (1, 12, 3, 3)}[dims]
    organ = torch.zeros(shape)
    organ[:, 4:9] = 1
    units = made_units(organ, spacing=(2.0, 10.0, 10.0)[:dims])

    def rows(inner: float, outer: float) -> list[int]:
        shell = region({"kind": "border", "class": "organ", "inner_mm": inner, "outer_mm": outer}, units)
        assert torch.equal(shell, shell.flatten(2)[..., :1].reshape(1, 12, *[1] * (dims - 1)).expand(shape))
        return shell.flatten(2)[0, :, 0].nonzero()[:, 0].tolist()

    assert rows(2, 0) == [4, 8]
    assert rows(4, 0) == [4, 5, 7, 8]
    assert rows(0, 4) == [2, 3, 9, 10]
    assert rows(2, 3) == [3, 4, 8, 9]


def test_a_unit_without_border_has_no_shell():
    settings = {"kind": "border", "class": "organ", "inner_mm": 3, "outer_mm": 3}
    units = made_units(torch.stack([torch.ones(4, 4), torch.zeros(4, 4)]), spacing=(1.0, 1.0))
    assert not region(settings, units).any()


@pytest.mark.parametrize("dims", [2, 3])
def test_regions_of_labels_and_errors(dims):
    organ = boxes(dims)
    label = torch.where(organ > 0, 1, 0).roll(1, 1)  # half of each part is missed, half is too much
    label[:, 0, 0] = 2
    units = made_units(organ, organ * 0, spacing=(1.0,) * dims)
    wrong, missed = (
        region({"kind": "errors", "class": "organ", "of": of}, units, label) for of in ("false_positive", "missed")
    )
    assert (wrong.sum(), missed.sum()) == (6, 6)
    assert not (missed & (organ > 0)).any()
    assert (wrong & (organ > 0) & (label != 1)).sum() == 6
    labelled = region({"kind": "region", "class": "organ", "label": "other"}, units, label)
    assert torch.equal(labelled, label == 2)


def test_a_contrast_is_where_one_class_is_said_and_not_the_other():
    first, second = torch.tensor([[[1.0, 1, 0, 0]]]), torch.tensor([[[0.0, 1, 1, 0]]])
    units = made_units(first, second, spacing=(1.0, 1.0))
    target = make_target({"kind": "contrast", "class": "organ", "against": "other"}, CLASSES)
    located = target.locate(units, None)
    assert target.place(located.probabilities)[0, 0].tolist() == [True, False, False, False]
    logits = torch.tensor([[[[3.0, 9, 9, 9]], [[-2.0, 9, 9, 9]]]])
    assert target.scalar(logits, located.probabilities).tolist() == [5.0]
    taken_over = made_units(first, first, spacing=(1.0, 1.0)).probabilities
    assert not target.decided(taken_over).any(), "called both"


def test_the_scalar_is_the_margin_of_the_decisions_inside_the_region():
    organ, label = torch.tensor([[[1.0, 1, 0, 0]]]), torch.tensor([[[2.0, 0, 2, 0]]])
    target = make_target({"kind": "region", "class": "organ", "label": "other"}, CLASSES)
    clean = target.locate(made_units(organ, organ, spacing=(1.0, 1.0)), label).probabilities
    logits = torch.tensor([[[[2.0, 50, -3, 50]], [[50.0, 50, 50, 50]]]])
    assert target.scalar(logits, clean).tolist() == [5.0], "2 for the organ, 3 against it"


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("called", [True, False])
def test_agreement_is_that_of_the_decisions_inside_the_region(dims, called):
    """The region has 4 voxels, all called or all left out; obscured, one of them changes: 2·3 / (3 + 4)."""
    shape = (1, 4, 4, 2)[: dims + 1]
    label = torch.zeros(shape)
    label[0].view(-1)[:4] = 2
    organ = torch.full(shape, float(called))
    target = make_target({"kind": "region", "class": "organ", "label": "other"}, CLASSES)
    clean = target.locate(made_units(organ, organ, spacing=(1.0,) * dims), label).probabilities
    obscured = 1 - organ  # everything outside has changed, and does not count
    obscured[0].view(-1)[1:4] = float(called)
    place, before = target.place(clean), target.decided(clean)
    kept = target.kept(obscured > 0.5, before, place)
    whole = target.kept(before, before, place)
    assert torch.equal(whole, place)
    assert 2 * (kept & whole).sum() / (kept.sum() + whole.sum()) == pytest.approx(6 / 7)
    hard = torch.stack([obscured, obscured], dim=1)
    assert target.agreement(hard, clean).item() == pytest.approx(6 / 7)
    assert target.agreement(torch.stack([organ, organ], dim=1), clean).item() == 1


def test_an_empty_region_has_a_soft_agreement_and_a_scalar_of_0():
    target = make_target({**ALL, "rank": 2}, CLASSES)
    clean = target.locate(made_units(torch.ones(2, 4, 4), spacing=(1.0, 1.0)), None).probabilities
    assert target.agreement(clean, clean).tolist() == [0, 0]
    assert target.scalar(clean, clean).tolist() == [0, 0]


class TwoClasses(nn.Module):
    """The organ where the image is above .5, the other class above .65."""

    def __init__(self, dims: int):
        super().__init__()
        self.scale = nn.Conv2d(1, 2, 1) if dims == 2 else nn.Conv3d(1, 2, 1)
        nn.init.constant_(self.scale.weight, 20)
        self.scale.bias.data = torch.tensor([-10.0, -13.0])

    def forward(self, images):
        return self.scale(images)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("occlusion", {"patch": 3, "stride": 3, "fill": 0.0, "edge": "hard", "border": "inside"}),
        ("gradient", {}),
        ("grad_cam", {"layer": "scale"}),
        ("score_cam", {"layer": "scale"}),
        ("rise", {"masks": 8, "cells": 3, "visible": 0.5, "fill": 0.0}),
        ("distance", {}),
    ],
)
def test_explainers_explain_a_region_through_batches_and_windows(dims, method, settings):
    """The network looks at single voxels, so only those of the region can matter to its gradient, or when hidden."""
    windows = Windows((8, 8, 4), 0.5) if dims == 3 else None
    network = Normalised(TwoClasses(dims).eval().requires_grad_(False), *INPUTS["window"], dims)
    compute = bright_segmenter().compute
    segmenter = Segmenter(network, CLASSES, (-160, 240), 0.3, compute, windows)
    images = 0.6 * boxes(dims)[:, None]
    spacing = (1.0,) * dims
    units = Units("made", tuple(range(len(images))), images, segmenter.probabilities(images), spacing)
    target = make_target(ALL, CLASSES)
    located = target.locate(units, None)
    explainer = methods.find("explainers", method).load().EXPLAINER(
        Context(segmenter, target, None, compute, 5), **settings
    )  # fmt: skip
    maps = explainer.explain(located)
    assert maps.shape == images[:, 0].shape
    assert maps.isfinite().all()
    assert maps.any()
    inside, other = target.place(located.probabilities), region({**ALL, "rank": 2}, units)
    if method in ("gradient", "occlusion"):
        assert (maps[inside] > 0).all()
        assert not maps[other].any()
    if method == "distance":
        assert (maps[inside] == 0).all()
        assert torch.equal(maps[other] == 0, torch.full((4,), dims == 2)), "in slices there is none beside it"


def evaluated(tmp_path, monkeypatch, target: dict, task=EvaluateCases, **label: torch.Tensor) -> pd.DataFrame:
    """Rows of a case with two slices that show a bright square; judged by a network like the one explained too."""
    segmenter = bright_segmenter()
    units = square_units(segmenter)
    label = label.get("label", (units.images[:, 0] > 0.5).float())
    monkeypatch.setattr(Segmenter, "load", lambda path, compute: segmenter)
    importance = units.images[:, 0]
    predictions = {f"prediction_{name}": units.probabilities for name in ("original", "twin")}
    files = stored_case(tmp_path, units, label=label, importance=importance, **predictions)
    files |= {"donor": files["image"]}
    files |= {f"partner_{name}": path for name, path in files.items()}
    settings = {
        "key": {"model": "m", "target": "t", "explainer": "e"},
        "target": target,
        "obscurers": {"mean": {}},
        "contents": ["donor"],
        "kept_first": [0.01, 0.25, 1.0],
        "removed_first": [0.99, 0.0],
        "leak_visibilities": [0.05],
        "min_voxels": 5,
        "seed": 7,
    }
    schema = {EvaluateCases: tables.METRICS, LeakCases: tables.LEAK_COUNTS}[task]
    more = {} if task is EvaluateCases else {"partner": "made"}
    out = tmp_path / "rows.parquet"
    judges = {"judge_original": "x", "judge_twin": "x"}
    task(settings, judges, COMPUTE)(KEY | more, files, {"metrics": out, "counts": out})
    return tables.read(out, schema)


def test_a_region_has_agreement_and_no_dice(tmp_path, monkeypatch):
    rows = evaluated(tmp_path, monkeypatch, {"kind": "border", "class": "organ", "inner_mm": 2, "outer_mm": 0})
    assert rows.label.isna().all()
    curves = patient_curves(rows)
    assert curves.dice.isna().all()
    assert (curves[curves.visibility == 1].agreement == 1).all()
    hidden = curves[curves.visibility == 0]
    assert (hidden.agreement == 0).all(), "without anything visible no voxel of the inner border is called"
    assert (rows.clean > 0).all()
    assert (rows.clean < 8 * 10).all()


def test_missed_voxels_stay_missed_where_nothing_is_visible(tmp_path, monkeypatch):
    whole = torch.ones(2, 32, 32)
    rows = evaluated(tmp_path, monkeypatch, {"kind": "errors", "class": "organ", "of": "missed"}, label=whole)
    curves = patient_curves(rows)
    assert (curves[curves.visibility.isin([0, 1])].agreement == 1).all()


def test_an_empty_region_is_a_row_that_says_so(tmp_path, monkeypatch):
    rows = evaluated(tmp_path, monkeypatch, {**ALL, "rank": 2})
    assert len(rows) == 2 * 5, "judges, visibilities"
    assert rows.unit.isna().all()
    assert (rows.clean == 0).all()
    curves = patient_curves(rows)
    assert len(curves) == 2 * 5
    assert curves[["agreement", "dice", "visibility_body"]].isna().all(axis=None)
    tables.write(tmp_path / "curves.parquet", tables.CURVES, curves)
    assert areas(curves).empty
    said = absent_sentence(curves, "t")
    assert "t is empty in 1 of 1 test patient (p)" in said
    assert not absent_sentence(curves.assign(agreement=1.0), "t")


def test_a_leak_through_masks_of_an_empty_region_is_null(tmp_path, monkeypatch):
    empty = patient_leaks(evaluated(tmp_path, monkeypatch, {**ALL, "rank": 2}, LeakCases))
    assert len(empty) == 2
    assert empty[["own", "other", "leak"]].isna().all(axis=None)
    found = patient_leaks(evaluated(tmp_path, monkeypatch, ALL, LeakCases))
    assert found.leak.tolist() == [0, 0], "the partner is the case itself"
    assert (found.own > 0).all()


def test_every_kind_declares_what_it_takes_and_can_be_made():
    own = {
        "class": {},
        "component": {},
        "region": {"label": "other"},
        "border": {"inner_mm": 3},
        "contrast": {"against": "other"},
        "errors": {"of": "missed"},
    }
    assert set(methods.target_kinds()) == set(own)
    for kind, settings in own.items():
        given = {"kind": kind, "class": "organ", **settings}
        declared = methods.target(given).settings
        defaults = {name: one["default"] for name, one in declared.items() if "default" in one}
        assert make_target(json.loads(json.dumps({**defaults, **given})), CLASSES).name == "organ"
