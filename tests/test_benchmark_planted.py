"""The verdicts of benchmarks/planted.py, from made tables."""

import runpy
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

BENCHMARK = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "planted.py"))
PRECISION = {"truth": 1.0, "control-prediction": 0.97, "occlusion": 0.5}
MODELS = ("m1", "m2")


def interventions(gone: float, stays: float | None = None) -> pd.DataFrame:
    """Two patients, one change a kind."""
    rows = [("gone", "neither", gone)] + [("stays", "one", stays)] * (stays is not None)
    return pd.DataFrame(
        [
            {"model": "m1", "patient": patient, "effect": effect, "change": change, "agreement": value}
            for (effect, change, value), patient in product(rows, "ab")
        ]
    )


def truths() -> pd.DataFrame:
    """What explainers found of the truth, in two patients and models; in the second model a little less."""
    return pd.DataFrame(
        [
            {"model": model, "explainer": explainer, "patient": patient, "hit": 1.0, "mass": 0.5,
             "average_precision": precision - 0.2 * (explainer == "occlusion") * (model == "m2")}
            for model, (explainer, precision), patient in product(MODELS, PRECISION.items(), "ab")
        ]
    )  # fmt: skip


def scores(**values: dict[str, float | None]) -> pd.DataFrame:
    """Scores by explainer; another judge says the opposite, and scores that order nothing are there too."""
    rows = [
        {"model": model, "explainer": explainer, "obscurer": "mean", "judge": judge, "score": score, "mean": mean}
        for model, (score, means) in product(MODELS, {**values, "sparsity": dict.fromkeys(PRECISION, 0.1)}.items())
        for explainer, value in means.items()
        for judge, mean in (("original", value), ("other", None if value is None else -value))
    ]
    return pd.DataFrame(rows)


def judged(**values: dict[str, float | None]) -> dict[str, list[str]]:
    found = BENCHMARK["verdicts"](BENCHMARK["places"](scores(**values), truths()))
    return {score: list(row)[:2] for (score, _), row in found.iterrows()}


@pytest.mark.parametrize(
    ("changes", "uses"),
    [
        (interventions(0.1), True),
        (interventions(0.31), False),
        (interventions(0.3, 0.7), True),
        (interventions(0.3, 0.69), False),
        (interventions(float("nan")), False),
    ],
)
def test_every_change_must_do_what_it_does_where_the_cue_is_used(changes, uses):
    assert BENCHMARK["uses_the_cue"](changes) == uses


def test_a_score_is_fit_where_the_truth_comes_first_whichever_way_it_runs():
    found = judged(
        kept_first_area={"truth": 0.9, "control-prediction": 0.8, "occlusion": 0.9},
        removed_first_area={"truth": 0.1, "control-prediction": 0.2, "occlusion": 0.3},
        visibility_90={"truth": 0.1, "control-prediction": 0.05, "occlusion": 0.04},
    )
    assert found["kept_first_area"] == ["1 1", "fit"]
    assert found["removed_first_area"] == ["1 1", "fit"]
    assert found["visibility_90"] == ["3 3", "**unfit**"]
    assert "sparsity" not in found


def test_a_map_that_is_as_right_as_the_truth_is_no_reason_against_a_score():
    found = judged(kept_first_area={"truth": 0.9, "control-prediction": 0.95, "occlusion": 0.8})
    assert found["kept_first_area"] == ["2 2", "fit: those before it are as right"]


def test_a_score_that_the_truth_does_not_have_is_unfit_and_others_without_it_come_last():
    found = judged(
        visibility_90={"truth": None, "control-prediction": None, "occlusion": None},
        visibility_95={"truth": 0.5, "control-prediction": None, "occlusion": None},
    )
    assert found["visibility_90"] == ["– –", "**unfit**"]
    assert found["visibility_95"] == ["1 1", "fit"]


def test_a_score_follows_the_truth_where_it_orders_the_others_as_their_precision_does():
    values = {
        "kept_first_area": {"truth": 0.5, "control-prediction": 0.8, "occlusion": 0.9},
        "removed_first_area": {"truth": 0.5, "control-prediction": 0.2, "occlusion": 0.3},
        "visibility_90": {"truth": 0.5, "control-prediction": None, "occlusion": None},
    }
    found = BENCHMARK["verdicts"](BENCHMARK["places"](scores(**values), truths()))["follows the truth"].droplevel(1)
    assert found["kept_first_area"] == "-1.00 (-1.00)"
    assert found["removed_first_area"] == "1.00 (1.00)"
    assert found["visibility_90"] == "–"


def test_what_is_found_is_the_mean_over_segmenters_and_the_worst():
    found = BENCHMARK["found"](truths())
    assert found.loc["occlusion", "average precision"] == "0.40 (0.30)"
    assert found.loc["truth", "hit rate"] == "1.00 (1.00)"


def test_segmenters_that_do_not_use_the_cue_are_dropped_and_counted():
    values = {"truth": 0.9, "control-prediction": 0.5, "occlusion": 0.95}
    both = scores(kept_first_area=values), truths()
    runs = []
    for model, gone in (("m1", 0.9), ("m2", 0.0)):
        own = [one[one.model == model] for one in both]
        runs.append({"interventions": interventions(gone).assign(model=model), "scores": own[0], "truth": own[1]})
    text = "\n".join(BENCHMARK["part"]("marker", runs, failed=1))
    assert "1 of 2 segmenters do not use the cue and are dropped. 1 runs failed." in text
    assert "neither 0.45 (gone)" in text
    assert "0.30 (0.30)" in text, "of the one that is left"
    nobody = BENCHMARK["part"]("marker", runs[:1], failed=0)
    assert "1 of 1 segmenters" in nobody[-1], "nothing is compared"


def test_every_segmenter_has_patients_a_seed_and_a_folder_of_its_own():
    made = [BENCHMARK["experiment"]("context", number) for number in (1, 2)]
    assert [one["phantom"]["seed"] for one in made] == [one["seed"] for one in made] == [1, 2]
    assert made[1]["experiment"] == "planted-context-2"
    assert made[1]["phantom"]["planted"] == "context"
    assert made[1]["explainers"]["truth"]["folder"] == made[1]["dataset"] + "/truth" != made[0]["dataset"] + "/truth"
