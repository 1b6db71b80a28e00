"""Scores beside the area, how far a ranking holds, and which explanations differ at all."""

import numpy as np
import pandas as pd
import pytest
from made import CPU, bright_segmenter, square_units
from matplotlib.image import imread
from scipy import stats

from unoise import tables
from unoise.data.volumes import write_volume
from unoise.evaluation.faithfulness import infidelity, sensitivity
from unoise.evaluation.map_shape import entropy, map_rows, sparsity
from unoise.explainers.base import make_explainer
from unoise.report.critical_difference import draw_critical_difference
from unoise.report.reach import across_judges, across_obscurers, conclusion
from unoise.report.scores import scores_section
from unoise.statistics.critical_difference import critical_difference
from unoise.statistics.curves import areas
from unoise.statistics.intervals import detectable_difference
from unoise.statistics.rank_correlation import rank_correlations
from unoise.statistics.scores import scores
from unoise.targets.class_target import ClassTarget

MAP = {"model": "m", "target": "t", "explainer": "e"}
CELL = {**MAP, "judge": "original", "obscurer": "mean"}
KEPT = {0.01: 0.0, 0.02: 0.2, 0.05: 0.4, 0.1: 0.8, 1.0: 1.0}
REMOVED = {0.99: 0.5, 0.9: 0.3, 0.0: 0.0}
TARGET = ClassTarget("organ", 0)


def made_curves(patients=3, kept=KEPT, removed=REMOVED):
    """Each patient's curves lie .01 below the last one's, but at full visibility."""
    return pd.DataFrame(
        {**CELL, "split": "test", "seed": 1, "patient": f"p{n}", "order": order, "visibility": v, "visibility_body": v,
         "dice": None, "agreement": value - 0.01 * n * (value < 1)}
        for n in range(patients)
        for order, points in (("kept_first", kept), ("removed_first", removed))
        for v, value in points.items()
    )  # fmt: skip


def made_scores(curves, **given):
    """Rows of SCORES by their score, of curves and other tables; those not given are empty."""
    names = ("leak", "maps", "faithfulness", "costs")
    rest = [given.get(name, pd.DataFrame(columns=getattr(tables, name.upper()).names)) for name in names]
    return scores(curves, *rest, {"c": "p0", "d": "p0"}, 200, 1)


def test_scores_of_curves_are_the_hand_computed_ones(tmp_path):
    tables.write(tmp_path / "scores.parquet", tables.SCORES, made_scores(made_curves()))
    found = tables.read(tmp_path / "scores.parquet", tables.SCORES).set_index("score")
    assert (found.patients == 3).all()
    assert set(found.judge) == {"original"}
    assert found.loc["agreement_at_2", "mean"] == pytest.approx(0.19)
    assert found.loc["agreement_at_10", "low"] >= 0.78 - 1e-9
    assert found.loc["agreement_at_10", "high"] <= 0.8 + 1e-9
    by_order = areas(made_curves()).groupby("order").area.mean()
    assert found.loc["kept_first_area", "mean"] == pytest.approx(by_order.kept_first)
    assert found.loc["area_difference", "mean"] == pytest.approx(by_order.kept_first - by_order.removed_first)


@pytest.mark.parametrize(
    ("kept", "removed", "gain"),
    [
        ({0.01: 0.0, 0.2: 0.1, 0.5: 0.5, 1.0: 1.0}, {0.99: 0.9, 0.8: 0.7, 0.5: 0.5, 0.0: 0.0}, 0),  # a random order
        ({0.01: 0.5, 0.2: 1.0, 0.5: 1.0, 1.0: 1.0}, {0.99: 0.5, 0.8: 0.0, 0.5: 0.0, 0.0: 0.0}, 0.5),
        ({0.01: 0.0, 0.2: 0.4, 0.5: 0.8, 1.0: 1.0}, {0.99: 0.9, 0.5: 0.6, 0.2: 0.3, 0.0: 0.0}, 0.105),
        ({0.01: 0.5, 0.2: 1.0, 1.0: 1.0}, {0.99: 0.5, 0.8: 0.0, 0.0: 0.0}, None),  # no fraction in both
    ],
)
def test_symmetric_relevance_gain_lies_on_one_axis(kept, removed, gain):
    found = made_scores(made_curves(1, kept, removed)).set_index("score")
    if gain is None:
        assert "symmetric_relevance_gain" not in found.index
    else:
        assert found.loc["symmetric_relevance_gain", "mean"] == pytest.approx(gain)


def test_the_visibility_that_is_enough_is_interpolated_on_a_logarithmic_axis():
    """Between 10 % (.8) and 100 % (1): .9 lies half way, which is 10^-0.5."""
    found = made_scores(made_curves(patients=1)).set_index("score")
    assert found.loc["visibility_90", "mean"] == pytest.approx(10**-0.5)
    assert found.loc["visibility_95", "mean"] == pytest.approx(10**-0.25)
    assert pd.isna(found.loc["visibility_90", "low"]), "one patient"


def test_an_agreement_that_is_never_there_needs_no_visibility_but_null():
    found = made_scores(made_curves(kept=dict.fromkeys(KEPT, 0.0))).set_index("score")
    flat = made_curves(patients=2)
    flat.loc[(flat.patient == "p1") & (flat.order == "kept_first"), "agreement"] = 0.0
    some = made_scores(flat).set_index("score")
    assert np.isnan(found.loc["visibility_90", "mean"])
    assert some.loc["visibility_90", "patients"] == 1
    assert np.isnan(some.loc["visibility_90", "mean"]), "the others alone would flatter"
    assert some.loc["agreement_at_2", "mean"] == pytest.approx(0.1)


def test_leak_is_that_of_the_worst_content_and_costs_are_a_units():
    leak = pd.DataFrame(
        {**MAP, "judge": "original", "content": content, "visibility": 0.02, "patient": f"p{n}", "leak": value + n}
        for content, value in (("donor", 0.1), ("scrambled", 0.3))
        for n in range(2)
    )
    cost = {**MAP, "stage": "explain", "units": 2, "seconds": 1.0, "forwards": 4, "backwards": 0, "peak_mib": 9.0}
    costs = pd.DataFrame(
        [cost | {"case": "c"}, cost | {"case": "d", "units": 8}, cost | {"case": "training", "units": 1}]
    )
    found = made_scores(made_curves(), leak=leak, costs=costs).set_index("score")
    assert found.loc["leak", "mean"] == pytest.approx(0.8)
    assert found.loc["leak", ["judge", "obscurer"]].isna().tolist() == [False, True]
    assert found.loc["forwards", "mean"] == pytest.approx(0.8)
    assert found.loc["seconds", ["mean", "unit", "patients"]].tolist() == [pytest.approx(0.2), "s", 1]
    assert pd.isna(found.loc["seconds", "judge"])


def test_no_agreement_at_all_is_an_empty_table():
    assert made_scores(made_curves().assign(agreement=None)).empty


def test_sparsity_and_entropy_of_known_maps():
    one = np.zeros((4, 5))
    one[1, 2] = 3.0
    assert sparsity(one) == pytest.approx(1 - 1 / 20)
    assert entropy(one) == pytest.approx(0)
    half = np.repeat([0.0, 1.0], 50)
    assert sparsity(half) == pytest.approx(0.5)
    assert entropy(half) == pytest.approx(np.log(50) / np.log(100))
    assert sparsity(half * 7 - 3) == pytest.approx(0.5), "neither scale nor offset counts"
    assert sparsity(np.ones(9)) is entropy(np.ones(9)) is None


@pytest.mark.parametrize("dims", [2, 3])
def test_maps_are_measured_unit_by_unit_and_pooled_by_patient(tmp_path, dims):
    maps = np.zeros((4, 5, 2))
    maps[1, 2, 0] = 1
    write_volume(tmp_path / "a.nii.gz", maps, np.eye(4))
    key = {**MAP, "case": "a", "patient": "p"}
    rows = list(map_rows([key], [tmp_path / "a.nii.gz"], dims))
    tables.write(tmp_path / "maps.parquet", tables.MAPS, rows)
    (row,) = rows
    assert row["sparsity"] == pytest.approx(1 - 1 / (20 if dims == 2 else 40)), "a constant slice has none"


def test_infidelity_tells_a_map_of_what_is_needed_from_noise_and_repeats():
    segmenter = bright_segmenter()
    units = square_units(segmenter)
    predicted = TARGET.predicted(units.probabilities).float()
    random = np.random.default_rng(0).random(predicted.shape)
    given = (segmenter, TARGET, units)
    good = infidelity(*given, predicted, 40, 3)
    assert good == infidelity(*given, 5 * predicted + 2, 40, 3) or np.allclose(
        good, infidelity(*given, 5 * predicted + 2, 40, 3)
    )
    bad = infidelity(*given, predicted.new_tensor(random), 40, 3)
    away = infidelity(*given, predicted.flip(1), 40, 3)
    assert max(good) < min(bad) < 1
    assert max(good) < 0.2
    assert max(bad) < min(away) <= 1
    assert infidelity(*given, predicted * 0, 40, 3) == pytest.approx([1, 1])
    assert not np.allclose(good, infidelity(*given, predicted, 40, 4)), "another seed, other squares"


def test_infidelity_is_null_where_hiding_changes_nothing():
    segmenter = bright_segmenter(threshold=-5)
    units = square_units(segmenter)
    assert np.isnan(infidelity(segmenter, TARGET, units, units.images[:, 0], 5, 1)).all()


def test_sensitivity_is_none_for_a_map_that_ignores_the_image_and_grows_with_the_radius():
    segmenter = bright_segmenter()
    units = square_units(segmenter)
    found = {}
    for name in ("random", "intensity"):
        explainer = make_explainer({"method": name, "seed": 1}, segmenter, TARGET, None, CPU)
        maps = explainer.explain(units)
        found[name] = [sensitivity(explainer, units, maps, radius, 2, 5) for radius in (0.02, 0.1)]
    assert found["random"] == [[0, 0], [0, 0]]
    small, large = np.array(found["intensity"])
    assert (small > 0).all()
    np.testing.assert_allclose(large, 5 * small, rtol=1e-3)


def made_ranking(**areas_of):
    """Rows of RANKING, kept first: areas of explainers a, b, c … by obscurer."""
    rows = [
        {"model": "m", "target": "t", "judge": "original", "order": "kept_first", "obscurer": obscurer,
         "explainer": name, "area": area}
        for obscurer, values in areas_of.items()
        for name, area in zip("abcde", values, strict=False)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_ranking_that_turns_is_called_unstable(tmp_path):
    found = rank_correlations(made_ranking(mean=(1, 2, 3, 4), blur=(10, 20, 30, 40), donor=(4, 3, 2, 1)))
    tables.write(tmp_path / "found.parquet", tables.RANK_CORRELATION, found)
    found = tables.read(tmp_path / "found.parquet", tables.RANK_CORRELATION)
    by = found.set_index(["obscurer", "other_obscurer"])
    assert by.loc[("blur", "mean"), ["kendall", "spearman", "unstable"]].tolist() == [1, 1, False]
    assert by.loc[("blur", "donor"), ["kendall", "spearman", "unstable"]].tolist() == [-1, -1, True]
    text = across_obscurers(found)
    assert "unstable" in text
    assert "blur and donor, -1.00; donor and mean, -1.00" in text
    assert "holds" in across_obscurers(found[found.obscurer + found.other_obscurer == "blurmean"])


def test_a_ranking_of_equals_is_neither_stable_nor_not(tmp_path):
    found = rank_correlations(made_ranking(mean=(1, 1), blur=(1, 2)))
    tables.write(tmp_path / "found.parquet", tables.RANK_CORRELATION, found)
    assert tables.read(tmp_path / "found.parquet", tables.RANK_CORRELATION).unstable.tolist() == [None]
    assert across_obscurers(found) == ""
    assert rank_correlations(made_ranking(mean=(1,), blur=(2,))).empty


def test_the_opening_says_who_is_first_under_other_judges_and_what_follows():
    rows = [
        {"judge": judge, "explainer": name, "area": area}
        for judge, both in (("original", (3, 1)), ("x_y", (1, 2)), ("other", (2, 1)))
        for name, area in zip("ab", both, strict=True)
    ]
    assert across_judges("a", pd.DataFrame(rows)) == r"Judged by other, it is first too; by x\_y, b is first."
    own = pd.DataFrame({"obscurer": ["blur", "mean"], "gain": [0.1, 0.2]})
    assert conclusion("a", ["b"], own.iloc[1:], own) == "So trust a, as much as b, here under mean only."
    assert "stays open" in conclusion("a", [], own.iloc[:0], own.assign(gain=np.nan))


def test_the_detectable_difference_is_that_of_the_paired_t_test():
    """Power of the noncentral t at the found difference is 80 %; Cohen's table: n = 34 for an effect of a half."""
    values = np.random.default_rng(2).normal(0, 1, 34)
    values /= values.std(ddof=1)
    assert detectable_difference(values) == pytest.approx(0.495, abs=0.01)
    assert detectable_difference(3 * values) == pytest.approx(3 * detectable_difference(values))
    assert detectable_difference(values[:1]) is None
    power = stats.ttest_1samp(
        np.random.default_rng(0).normal(detectable_difference(values), 1, (4000, 34)), 0, axis=1
    ).pvalue
    assert (power < 0.05).mean() == pytest.approx(0.8, abs=0.03)


def made_areas(patients=20, height=(0.9, 0.88, 0.5, 0.2), spread=0.05, obscurers=("mean", "blur")):
    random = np.random.default_rng(7)
    names = ("u-noise", "occlusion", "control-distance", "control-random")
    return pd.DataFrame(
        {"judge": "original", "order": "kept_first", "split": "test", "obscurer": obscurer, "explainer": name,
         "patient": f"p{n}", "area": value + random.normal(0, spread)}
        for obscurer in obscurers
        for n in range(patients)
        for name, value in zip(names, height, strict=True)
    )  # fmt: skip


def test_what_differs_is_told_and_what_does_not_is_joined():
    """Demsar 2006, table 5: q is 2.569 for four; his example of 14 data sets has a critical difference of 1.25."""
    found = critical_difference(made_areas(patients=14, obscurers=("mean",)))
    assert found.difference == pytest.approx(1.25, abs=0.005)
    assert list(found.ranks.index[2:]) == ["control-distance", "control-random"]
    assert found.p < 0.001
    assert found.groups()[0] == tuple(found.ranks.index[:2])
    removed = critical_difference(made_areas(patients=14, obscurers=("mean",)).assign(order="removed_first"))
    assert removed.ranks.index[0] == "control-random"
    equal = critical_difference(made_areas(height=(1, 1, 1, 1), spread=0, obscurers=("mean",)))
    assert equal.p == 1
    assert equal.groups() == [tuple(equal.ranks.index)]


def test_few_patients_or_explainers_have_no_diagram(tmp_path):
    assert critical_difference(made_areas(patients=7, obscurers=("mean",))) is None
    two = made_areas(obscurers=("mean",))
    assert critical_difference(two[two.explainer.str.startswith("control")]) is None
    draw_critical_difference(made_areas(patients=7), tmp_path / "few.png")
    draw_critical_difference(made_areas(), tmp_path / "enough.png")
    few, enough = (imread(tmp_path / f"{name}.png") for name in ("few", "enough"))
    assert few.shape[0] < enough.shape[0]
    draw_critical_difference(made_areas(height=(0.2, 0.5, 0.88, 0.9)), tmp_path / "other.png")
    assert not np.array_equal(enough, imread(tmp_path / "other.png"))


def test_the_summary_shows_scores_and_leaves_out_what_was_not_measured():
    maps = pd.DataFrame([{**MAP, "explainer": "e_|", "patient": "p", "sparsity": 0.7, "entropy": 0.4}])
    explainers = {"e_|": {"method": "gradient"}, "theirs": {"method": "external"}, "control-edges": {"method": "edges"}}
    text = "\n".join(scores_section(made_scores(made_curves(), maps=maps), explainers))
    assert text.endswith(
        r"Infidelity and sensitivity: not checked for e\_\| (not named under `faithfulness`); "
        "theirs (made elsewhere: cannot be made again)."
    )
    assert r"e\_\|" in text
    assert "0.70" in text
    assert "| infidelity" not in text.replace("*", "").split("Maps of")[1]
    assert "hidden by mean" in text
    assert "nan" not in text.lower()
