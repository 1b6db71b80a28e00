"""The report: figures that follow the data, a summary that says no more than the tables do."""

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from unoise import tables
from unoise.report.curves_figure import draw_curves
from unoise.report.figures import draw_costs, draw_history, styles
from unoise.report.panel import PanelRow, draw_panel, radiological, ranks
from unoise.report.summary import write_summary
from unoise.statistics.curves import areas
from unoise.statistics.rank_correlation import rank_correlations
from unoise.statistics.ranking import ranking
from unoise.statistics.seen import mark_seen

KEPT_FIRST = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]
REMOVED_FIRST = [0.99, 0.98, 0.95, 0.9, 0.8, 0.5, 0.0]
# The visible fraction at which each explainer reaches an agreement of one half: the smaller, the better.
GOOD = {"u-noise-paper-small": 0.02, "occlusion": 0.04, "control-distance": 0.08, "control-random": 0.5}
BAD = {**GOOD, "control-distance": 0.01}
CONFIG = {"targets": {"pancreas": {}}, "evaluation": {"min_voxels": 20}} | {
    section: {"explainers": []} for section in ("faithfulness", "sanity", "stability")
}
STAYS, CHANGES, FOLLOWS = (0.9, 0.9), (0.1, 0.1), (0.9, 0.1)  # rank correlation, the partial one beside the region


def curve_rows(halves, patients, split="test", obscurers=("mean", "noise"), judge="original"):
    """Rows of CURVES: a logistic curve a patient, shifted by patient and obscurer."""
    rng = np.random.default_rng(len(split))
    key = {"model": "unet-1a2b", "target": "pancreas", "split": split, "judge": judge, "seed": 1}
    rows = []
    for (explainer, half), obscurer, patient in (
        (one, obscurer, patient) for one in halves.items() for obscurer in obscurers for patient in range(patients)
    ):
        place = half * rng.uniform(0.8, 1.25)
        for order, visibilities in (("kept_first", KEPT_FIRST), ("removed_first", REMOVED_FIRST)):
            for visibility in visibilities:
                fraction = visibility if order == "kept_first" else 1 - visibility
                share = fraction**2 / (fraction**2 + place**2)
                agreement = share if order == "kept_first" else 1 - share
                values = {"visibility_body": visibility, "dice": 0.8 * agreement, "agreement": agreement}
                names = {"explainer": explainer, "patient": f"{split}-{patient}", "obscurer": obscurer}
                rows.append({**key, **names, "order": order, "visibility": visibility, **values})
    return rows


def sanity_rows(found):
    """Rows of SANITY with all weights random, by explainer the two correlations."""
    key = {"model": "unet-1a2b", "target": "pancreas", "patient": "a", "check": "randomised", "stage": 1, "layer": "in"}
    return pd.DataFrame(
        [
            key | {"explainer": explainer, "rank_correlation": whole, "partial_correlation": beside, "overlap": 0.5}
            for explainer, (whole, beside) in found.items()
        ]
    )[tables.SANITY.names]


def through_parquet(path, schema, rows):
    tables.write(path, schema, rows)
    return tables.read(path, schema)


@pytest.fixture
def made(tmp_path):
    """Return a function that makes all tables, through Parquet, for some explainers and patients."""

    def make(halves=GOOD, patients=8, validation=3, judges=None, leaks=None, trained_with=None, turned=False):
        rows = []
        for judge, own in {"original": halves, **(judges or {})}.items():
            under = {"mean": own, "noise": dict(zip(own, reversed(own.values()), strict=True)) if turned else own}
            for obscurer, those in under.items():
                controls = {key: half for key, half in those.items() if key.startswith("control-")}
                rows += curve_rows(those, patients, obscurers=(obscurer,), judge=judge)
                rows += curve_rows(controls, validation, "validation", (obscurer,), judge)
        curves = through_parquet(tmp_path / "curves.parquet", tables.CURVES, rows)
        ranked = mark_seen(ranking(areas(curves), 200, 0), trained_with or {})
        ranked = through_parquet(tmp_path / "ranking.parquet", tables.RANKING, ranked)
        told = {"model": "unet-1a2b", "target": "pancreas", "judge": "original", "content": "donor", "visibility": 0.02}
        leak = [told | {"explainer": key, "patient": "a", "leak": (leaks or {}).get(key, 0.01)} for key in halves]
        case = {"case": "a", "patient": "a", "split": "test", "class": "pancreas"}
        segmentation = [{**case, "model": "unet-1a2b", "dice": 0.83, "label_ml": 70.0, "predicted_ml": 66.0}]
        segmentation += [{**segmentation[0], "model": f"{judge}-3c4d", "dice": 0.61} for judge in judges or {}]
        cost = {
            "stage": "explain",
            "case": "a",
            "units": 10,
            "backwards": 0,
            "seconds": 0.2,
            "peak_mib": 800.0,
        }
        costs = [{**cost, "explainer": key, "forwards": 10 * place} for place, key in enumerate(halves)]
        return {
            "curves": curves,
            "ranking": ranked,
            "rank_correlation": through_parquet(
                tmp_path / "rank_correlation.parquet", tables.RANK_CORRELATION, rank_correlations(ranked)
            ),
            "cases": through_parquet(tmp_path / "cases.parquet", tables.CASES, [case]),
            "segmentation": through_parquet(tmp_path / "seg.parquet", tables.SEGMENTATION, segmentation),
            "leak": through_parquet(tmp_path / "leak.parquet", tables.LEAK, leak),
            "costs": through_parquet(tmp_path / "costs.parquet", tables.COSTS, costs),
        }

    return make


@pytest.fixture
def summary(tmp_path, made):
    """Return a function that writes the summary of made tables and returns its text."""

    def write(sanity=None, **settings):
        out = tmp_path / "summary.md"
        judges = {"original": "unet-1a2b"} | {judge: f"{judge}-3c4d" for judge in settings.get("judges", {})}
        config = CONFIG | {"phantom": {"patients": 9}}
        if sanity is not None:
            config["sanity"] = {"explainers": list(sanity)}
        figures = {"Agreement": "figures/agreement of all.png"}
        own = {"experiment": "phantom", "config": config, "judges": judges, "further": {}, "figures": figures}
        write_summary(out, **own, **made(**settings), sanity=sanity and sanity_rows(sanity))
        return out.read_text(encoding="utf-8")

    return write


def opening(text):
    return text.split("\n\n")[1]


def picture(path):
    pixels = imread(path)
    assert min(pixels.shape[:2]) > 200
    assert pixels[..., :3].std() > 0.02
    return pixels


def test_curves_follow_the_data_and_repeat(tmp_path, made):
    curves = made(patients=2, validation=0)["curves"]
    for name, frame, value in (
        ("one", curves, "agreement"),
        ("again", curves.sample(frac=1, random_state=0), "agreement"),
        ("dice", curves, "dice"),
    ):
        draw_curves(frame, tmp_path / f"{name}.png", experiment="phantom", value=value, resamples=100)
    one, dice = picture(tmp_path / "one.png"), picture(tmp_path / "dice.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "again.png").read_bytes()
    assert one.shape != dice.shape or not np.array_equal(one, dice)


def test_many_methods_are_divided_among_rows_of_curves_and_blocks_of_the_panel(tmp_path, made):
    image = np.random.default_rng(0).random((32, 32))
    sizes = {}
    for count in (4, 14):
        halves = {f"method-{n}": 0.01 * (n + 1) for n in range(count)} | {"control-distance": 0.08}
        curves = made(halves, patients=2, validation=0)["curves"]
        draw_curves(curves, tmp_path / f"{count}.png", experiment="phantom", resamples=10)
        maps = {key: image**half for key, half in halves.items()}
        draw_panel([PanelRow("a", 3, image, image > 0.9, image > 0.8, maps, (2.0, 2.0))], tmp_path / f"{count}-p.png")
        sizes[count] = picture(tmp_path / f"{count}.png").shape, picture(tmp_path / f"{count}-p.png").shape
    (few, panel), (many, panels) = sizes[4], sizes[14]
    assert many[0] > 2 * few[0]
    assert panels[0] > 1.4 * panel[0]
    assert panels[1] < 2 * panel[1]


def test_curves_of_one_patient_without_prediction_elsewhere(tmp_path, made):
    curves = made(patients=1, validation=0)["curves"]
    curves.loc[curves["obscurer"] == "noise", "agreement"] = np.nan
    draw_curves(curves, tmp_path / "one.png", experiment="a_$b$_c")
    picture(tmp_path / "one.png")


def test_costs_follow_the_data_and_stand_zero(tmp_path, made):
    costs = made()["costs"]
    draw_costs(costs, tmp_path / "one.png")
    draw_costs(costs.assign(forwards=0, seconds=costs["seconds"] * 7), tmp_path / "other.png")
    one, other = picture(tmp_path / "one.png"), picture(tmp_path / "other.png")
    assert not np.array_equal(one, other)


def test_history_with_and_without_validation(tmp_path):
    rows = [{"model": "m", "epoch": e, "loss": 1 / e, "score": 1 - 1 / e, "seconds": 1.0} for e in (1, 2, 3)]
    history = through_parquet(tmp_path / "history.parquet", tables.HISTORY, rows)
    draw_history({"segmenter": history, "u-noise": history.assign(score=np.nan)}, tmp_path / "history.png")
    picture(tmp_path / "history.png")


def test_styles_do_not_depend_on_the_order_and_tell_controls():
    found = styles(GOOD)
    assert styles(reversed([*GOOD, *GOOD])) == found
    assert len({style.colour for style in found.values()}) == len(GOOD)
    assert [style.dash == "-" for style in found.values()] == [True, True, False, False]


def test_patients_right_front_corner_is_top_left():
    array = np.zeros((5, 7))
    array[-1, -1] = 1
    shown = radiological(array)
    assert shown.shape == (7, 5)
    assert shown[0, 0] == 1


def test_ranks_run_from_0_to_1_and_ignore_the_scale():
    importance = np.array([[3.0, -1.0], [7.0, 0.0]])
    np.testing.assert_allclose(ranks(importance), [[2 / 3, 0], [1, 1 / 3]])
    np.testing.assert_array_equal(ranks(importance), ranks(np.exp(importance)))
    np.testing.assert_allclose(ranks(np.ones((2, 2))), 0.5)


def test_panel_follows_the_maps(tmp_path):
    image = np.random.default_rng(0).random((32, 24))
    label = image > 0.9
    for name, second in (("one", image), ("other", -image)):
        maps = {"control-random": image, "u-noise": second}
        rows = [
            PanelRow(case, 3, image, label, prediction, maps, (2.0, 3.0))
            for case, prediction in (("a", label), ("b", np.zeros_like(label)))
        ]
        draw_panel(rows, tmp_path / f"{name}.png")
    one, other = picture(tmp_path / "one.png"), picture(tmp_path / "other.png")
    assert not np.array_equal(one, other)


def test_summary_names_the_winner(summary):
    text = opening(summary())
    assert "**u-noise-paper-small** kept most" in text
    assert "beats the best control under every obscurer" in text
    assert "8 test patients" in text
    assert "same order under all obscurers" in text
    assert re.search(r"The next, occlusion, lies 0\.1\d behind \(p 0\.008\)\.", text)
    assert "the ranking holds between any two obscurers (Kendall's tau at least 1.00)" in text
    assert text.endswith("So, of these explanations, trust u-noise-paper-small here.")


def test_the_opening_does_not_prefer_what_cannot_be_told_apart(summary):
    text = opening(summary(halves={**GOOD, "occlusion": 0.0201}))
    assert re.search(r"lies 0\.0\d behind; (occlusion|u-noise-paper-small) cannot be told apart from it", text)
    assert re.search(r"So, of these explanations, trust (\S+), as much as (\S+), here\.$", text)


def test_summary_claims_no_victory_over_a_better_control(summary):
    text = opening(summary(halves=BAD))
    assert "no explanation beats the best control" in text
    assert "It beats" not in text
    assert text.endswith("So trust u-noise-paper-small here no more than a control.")


def test_summary_admits_when_no_gain_could_be_significant(summary):
    assert "no p below" not in summary()
    assert "no p below 0.05 is possible" in summary(halves=GOOD | {f"method-{n}": 0.03 for n in range(5)})


def test_other_judges_leave_the_page_as_it_is_and_have_a_part_of_their_own(summary):
    """Under `tolerant` the explanations come in the opposite order; the opening says who is first."""
    alone = summary()
    text = summary(judges={"tolerant": dict(zip(GOOD, reversed(GOOD.values()), strict=True))})
    before, _, after = text.partition("## Other judges")
    after, _, rest = after.partition("## Costs")
    said = " Judged by tolerant, occlusion is first."
    assert said in opening(text)
    assert before.replace(said, "") + "## Costs" + rest == alone
    assert re.search(r"\| tolerant +\| pancreas +\| +1 \| +0.61", after)
    areas = dict(re.findall(r"\| (\S+) +\| +(0\.\d+) \|", after))
    assert float(areas["control-random"]) > float(areas["u-noise-paper-small"])
    assert "found nothing" not in after
    assert "\n\nblind found nothing in any test patient" in summary(judges={"tolerant": GOOD, "blind": {}})


def test_a_map_that_tells_is_marked_and_not_ranked(summary):
    text = summary(leaks={"u-noise-paper-small": 0.21})
    assert "Of 1 ranked explanation, **occlusion** kept most" in opening(text)
    assert "the masks of u-noise-paper-small (leak 0.21) tell where the organ is" in opening(text)
    assert re.search(r"\| +- \| u-noise-paper-small .*\| +0\.210 \(tells\) \|", text)
    assert re.search(r"\| +1 \| occlusion .*\| +0\.010 \|", text)
    little = opening(summary(leaks={"u-noise-paper-small": 0.05}))
    assert "tell where" not in little
    assert "the masks tell little of where the organ is (leak at most 0.05)" in little
    assert "could not be measured" not in little
    assert "(leak at most 0.00)" in opening(summary(leaks=dict.fromkeys(GOOD, -0.001)))
    assert "tell where" in opening(summary(leaks={"u-noise-paper-small": 0.21}, patients=7))


def test_a_map_that_does_not_care_is_named_and_not_ranked(summary):
    text = summary(sanity={"u-noise-paper-small": STAYS, "occlusion": CHANGES, "control-distance": STAYS})
    assert "Of 1 ranked explanation, **occlusion** kept most" in opening(text)
    assert "The sanity check **failed** for u-noise-paper-small: such a map stays much the same" in opening(text)
    assert "The sanity check passed for occlusion:" in opening(text)
    assert "No sanity check" not in text
    assert "not made" not in opening(text)
    assert re.search(r"\| +- \| u-noise-paper-small .*\| +does not care \|", text)
    assert re.search(r"\| +1 \| occlusion .*\| +cares \|", text)
    assert re.search(r"\| +2 \| control-distance .*\| +- \|", text), "a control knows nothing anyway"
    few = opening(summary(patients=7, sanity={"occlusion": STAYS}))
    assert "failed** for occlusion" in few
    assert "kept most" not in few


def test_a_map_that_follows_the_region_is_ranked_and_said_to_do_so(summary):
    text = opening(summary(sanity={"u-noise-paper-small": FOLLOWS, "occlusion": CHANGES}))
    assert "Of 2 explanations, **u-noise-paper-small** kept most" in text
    assert "the map of u-noise-paper-small mostly follows the region that is explained" in text
    assert "failed" not in text


def test_the_opening_says_what_no_sanity_check_was_made_of(summary):
    none, some = summary(), summary(sanity={"occlusion": CHANGES, "u-noise-paper-small": (np.nan, np.nan)})
    for text in (none, summary(patients=7), summary(leaks=dict.fromkeys(GOOD, 0.3))):
        assert "No sanity check was run: whether the maps depend" in opening(text)
    assert "| sanity" not in none.replace(" ", "").replace("|", "| ")
    assert "The sanity check passed for occlusion" in opening(some)
    assert "The sanity check was not made for u-noise-paper-small." in opening(some)
    assert "asks for no check of infidelity and sensitivity (`faithfulness`), of what the maps owe" in none
    assert "(`sanity`)" not in some
    assert "(`stability`)" in some


def test_the_opening_says_when_the_ranking_turns_with_the_obscurer(summary):
    assert "unstable" not in opening(summary())
    turned = summary(turned=True)
    assert re.search(
        r"\*\*the ranking is unstable\*\*: Kendall's tau is below 0.5 between mean and noise, -1\.00\.", turned
    )
    assert "holds between any two" not in turned


def test_the_gain_comes_with_its_interval(summary):
    number = r"\+0\.\d\d"
    told = rf"mean {number} \({number} to {number}\) over control-distance, p 0\.\d+; noise {number} \("
    assert re.search(rf"under every obscurer \(gain in area, with 95 % interval: {told}", opening(summary()))


def test_what_an_interpreter_has_not_seen_is_marked_in_the_tables_of_that_obscurer_alone(summary):
    text = summary(trained_with={"u-noise-paper-small": ["noise", "texture"]})
    tables_of = dict.fromkeys(("mean", "noise"), "")
    for part in re.split(r"\*\*Hidden by ", text)[1:]:
        tables_of[re.match("mean|noise", part)[0]] += part.split("**Visible share")[0]
    assert tables_of["mean"].count("| u-noise-paper-small † |") == 3, "kept first, removed first, by visibility"
    assert "†" not in tables_of["noise"]
    assert text.count("† The explainer's interpreter was not trained") == 1
    assert "†" not in summary(trained_with={"u-noise-paper-small": ["noise", "mean"]})


def test_where_all_maps_tell_none_is_named(summary):
    text = opening(summary(leaks=dict.fromkeys(GOOD, 0.3)))
    assert text.startswith("No explanation is ranked on 8 test patients")
    assert "kept most" not in text


def test_summary_says_when_no_leak_could_be_measured(summary):
    assert "looked for with donor only" in summary()
    text = summary(leaks=dict.fromkeys(GOOD))
    assert "could not be measured: that takes two test patients" in text
    assert "What the masks tell by their shape could not be measured." in opening(text)
    assert "masks tell little" not in text
    assert "nan" not in text.lower()
    assert "(tells)" not in text


def test_summary_with_few_patients_ranks_nothing(summary):
    text = summary(patients=7)
    assert "cannot be told apart" in opening(text)
    assert "kept most" not in opening(text)
    assert "| rank" not in text
    shown = [line for line in text.splitlines() if line.startswith("| occlusion") and "not distinguishable" in line]
    assert len(shown) == 4, "two obscurers, two orders"
    assert "not distinguishable" not in summary(patients=8)


def test_summary_of_one_patient_has_no_p_value(summary):
    text = summary(patients=1, validation=0)
    assert "no p-value with one patient" in opening(text)
    assert "nan" not in text.lower()
    assert "chosen on the test patients" in text


def test_summary_without_controls(summary):
    text = opening(summary(halves={"u-noise": 0.02, "grad-cam": 0.05}))
    assert "No control was run" in text
    assert "beats" not in text


def test_summary_escapes_names(summary):
    evil = "<script>alert(1)</script>|[x](y)"
    text = summary(halves={**GOOD, evil: 0.001})
    assert "<script>" not in text
    assert "[x](y)" not in text
    assert r"&lt;script&gt;alert(1)&lt;/script&gt;\|" in opening(text)


def test_summary_repeats_and_shows_figures(summary):
    text = summary()
    assert text == summary()
    assert "![Agreement](figures/agreement%20of%20all.png)" in text
    assert "0.83 (0.83 to 0.83)" in text


def test_summary_where_nothing_was_segmented(tmp_path, made):
    parts = made()
    parts["ranking"] = parts["ranking"].iloc[:0]
    parts["curves"] = pd.DataFrame(parts["curves"]).assign(agreement=np.nan)
    out = tmp_path / "summary.md"
    write_summary(
        out,
        experiment="e",
        config=CONFIG,
        sanity=None,
        judges={"original": "unet-1a2b"},
        further={},
        figures={},
        **parts,
    )
    assert "No explanation of pancreas could be scored" in out.read_text(encoding="utf-8")


def test_a_run_in_which_nothing_was_trained_has_a_figure_that_says_so(tmp_path):
    draw_history({}, tmp_path / "history.png")
    assert (tmp_path / "history.png").stat().st_size > 1000
