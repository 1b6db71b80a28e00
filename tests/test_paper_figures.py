"""The paper's figures redrawn: the right lines in the right looks; the text beside them says what the tables say."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from unoise import tables
from unoise.report import paper_figures
from unoise.report.protocols import in_column_order, protocols_section

SIZES = {"small": 28529, "medium": 130577, "large": 537425}
KEY = {"model": "unet-1a2b", "target": "pancreas", "protocol": "published", "split": "validation"}
OTHERS = {"grad-cam": 0.55, "occlusion": 0.5, "control-random": 0.8, "control-distance": 0.6}


def protocol_rows(sizes=SIZES, others=OTHERS, seed=0):
    """Rows of PAPER_PROTOCOL: the published curves, perturbed, and a logistic curve for each other explainer."""
    rng = np.random.default_rng(seed)
    published = paper_figures.published_curves()
    rows = []
    for (size, pretrained), curve in published.groupby(["interpreter", "pretrained"]):
        if size not in sizes:
            continue
        name = f"u-noise-{size}{'-pretrained' if pretrained else ''}"
        key = {**KEY, "explainer": name, "parameters": sizes[size], "pretrained": pretrained, "slices": 512}
        half = {"threshold": None, "visibility": 0.5, "dice": curve["dice_at_half_visibility"].iloc[0]}
        points = curve[["threshold", "visibility", "dice"]].to_dict("records")
        shift = rng.uniform(-0.04, 0.04)
        rows += [{**key, **point, "dice": point["dice"] * (1 + shift)} for point in [half, *points]]
    for name, middle in others.items():
        key = {**KEY, "explainer": name, "slices": 512}
        places = [(1 - threshold, threshold) for threshold in np.linspace(0, 1, 21)]
        rows += [
            {**key, "threshold": threshold, "visibility": place, "dice": 0.81 / (1 + np.exp((middle - place) / 0.08))}
            for place, threshold in [*places, (0.5, None)]
        ]
    return rows


def through_parquet(path, schema, rows):
    tables.write(path, schema, rows)
    return tables.read(path, schema)


@pytest.fixture
def protocol(tmp_path):
    return through_parquet(tmp_path / "protocol.parquet", tables.PAPER_PROTOCOL, protocol_rows())


def picture(path):
    pixels = imread(path)
    assert 1290 <= pixels.shape[1] <= 1310
    assert pixels[..., :3].std() > 0.02
    return pixels


def by_label(lines):
    return {line.label: line for line in lines}


def test_the_published_numbers_are_the_papers():
    curves = paper_figures.published_curves()
    each = curves.groupby(["pretrained", "parameters"])
    assert len(curves) == 6 * 21
    assert (each.size() == 21).all()
    np.testing.assert_allclose(
        each["dice_at_half_visibility"].first(), [0.322, 0.311, 0.281, 0.341, 0.337, 0.372], atol=5e-4
    )
    areas = each[["visibility", "dice"]].apply(lambda rows: np.trapezoid(rows["dice"], rows["visibility"]))
    np.testing.assert_allclose(areas, [0.365, 0.385, 0.419, 0.370, 0.399, 0.447], atol=0.002)


def test_lines_stand_in_the_order_of_size_then_baselines_then_controls(protocol):
    labels = [line.label for line in paper_figures.measured_lines(protocol)]
    starts = [f"{size}, {start}" for size in SIZES for start in ("from scratch", "pretrained")]
    assert labels == [*starts, "grad-cam", "occlusion", "control-distance", "control-random"]


def test_size_gives_the_colour_and_start_the_dash(protocol):
    lines = paper_figures.measured_lines(protocol)
    looks = {label: line.style for label, line in by_label(lines).items()}
    for size in SIZES:
        scratch, pretrained = looks[f"{size}, from scratch"], looks[f"{size}, pretrained"]
        assert scratch.colour == pretrained.colour
        assert scratch.dash == "-" != pretrained.dash
        assert scratch.width > looks["grad-cam"].width
    assert len({style.colour for style in looks.values()}) == len(SIZES) + len(OTHERS)
    assert looks["grad-cam"].dash == "-" != looks["control-random"].dash


def test_points_are_sorted_and_without_the_half_visible_one(protocol):
    shuffled = protocol.sample(frac=1, random_state=0)
    for line in paper_figures.measured_lines(shuffled):
        assert len(line.points) == 21
        assert line.points["visibility"].is_monotonic_increasing


def test_interpreters_of_one_size_and_start_are_told_apart(protocol):
    twin = protocol[protocol["explainer"] == "u-noise-small"].assign(explainer="twin")
    lines = by_label(paper_figures.measured_lines(pd.concat([protocol, twin])))
    one, other = lines["small, from scratch: twin"].style, lines["small, from scratch: u-noise-small"].style
    assert (one.colour, one.dash) == (other.colour, other.dash)
    assert one.marker != other.marker


def test_published_lines_are_those_of_our_sizes_and_starts(protocol):
    assert len(paper_figures.published_lines(protocol)) == 6
    some = protocol[~protocol["explainer"].isin(["u-noise-small", "u-noise-large-pretrained"])]
    found = by_label(paper_figures.published_lines(some))
    ours = by_label(paper_figures.measured_lines(some))
    assert set(found) == {"small, pretrained", "medium, from scratch", "medium, pretrained", "large, from scratch"}
    for label, line in found.items():
        assert (line.style.colour, line.style.dash) == (ours[label].style.colour, ours[label].style.dash)
        assert line.points["dice"].max() == pytest.approx(0.811, abs=0.001)


def test_sizes_of_our_own_are_called_by_their_parameters(protocol):
    own = protocol.replace({"parameters": {28529: 1234}})
    labels = [line.label for line in paper_figures.measured_lines(own)]
    assert labels[0] == "1,234 parameters, from scratch"
    assert not [line for line in paper_figures.published_lines(own) if line.label.startswith("small")]
    assert paper_figures.size_names([537425, 1234]) == {1234: "1,234 parameters", 537425: "large"}


def test_the_best_baseline_and_control_at_half_visibility(protocol):
    found = paper_figures.best_others(protocol)
    assert {kind: name for kind, (name, _) in found.items()} == {
        "best baseline": "occlusion",
        "best control": "control-distance",
    }
    assert found["best baseline"][1] == pytest.approx(0.81 / 2)
    learned = protocol[protocol["parameters"].notna()]
    assert paper_figures.best_others(learned) == {}
    assert len(paper_figures.half_visible(learned)) == 6


def test_a_map_that_no_threshold_halves_has_no_place_among_the_half_visible(tmp_path, protocol):
    tied = (protocol["explainer"] == "occlusion") & protocol["threshold"].isna()
    protocol.loc[tied, ["visibility", "dice"]] = [1.0, 0.81]
    assert "occlusion" not in paper_figures.half_visible(protocol).index
    assert paper_figures.best_others(protocol)["best baseline"][0] == "grad-cam"
    paper_figures.draw_paper_sizes(protocol, tmp_path / "sizes.png", experiment="e")
    picture(tmp_path / "sizes.png")


def test_labels_are_moved_apart_only_where_they_are_close():
    assert paper_figures.apart([0.3, 0.1], 0.1) == [0.3, 0.1]
    np.testing.assert_allclose(paper_figures.apart([0.3, 0.28], 0.1), [0.34, 0.24])
    np.testing.assert_allclose(paper_figures.apart([0.3, 0.3, 0.9], 0.1), [0.25, 0.35, 0.85], atol=0.051)
    assert paper_figures.apart([], 0.1) == []


def test_labels_of_close_sizes_stand_in_other_rows():
    assert paper_figures.label_rows([0.1, 0.5, 0.9], 0.1) == [0, 0, 0]
    assert paper_figures.label_rows([0.1, 0.15, 0.18, 0.22, 0.9], 0.1) == [0, 1, 2, 0, 0]


def test_the_axis_of_dice_holds_all_values_and_says_0_when_near():
    low, high = paper_figures.zoomed([0.28, 0.37])
    assert 0.2 < low < 0.28 < 0.37 < high < 0.45
    assert paper_figures.zoomed([0.05, 0.37])[0] == 0
    assert paper_figures.zoomed([1.0, 1.0])[1] == 1


@pytest.mark.parametrize("draw", [paper_figures.draw_paper_curves, paper_figures.draw_paper_sizes])
def test_figures_follow_the_data_and_repeat(tmp_path, protocol, draw):
    draw(protocol, tmp_path / "one.png", experiment="a_$b$_c")
    draw(protocol.sample(frac=1, random_state=0), tmp_path / "again.png", experiment="a_$b$_c")
    draw(protocol.assign(dice=protocol["dice"] * 0.9), tmp_path / "other.png", experiment="a_$b$_c")
    one, other = picture(tmp_path / "one.png"), picture(tmp_path / "other.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "again.png").read_bytes()
    assert one.shape != other.shape or not np.array_equal(one, other)


def test_figures_without_interpreters_baselines_or_dice(tmp_path, protocol):
    learned = protocol["parameters"].notna()
    for name, rows in {"others": protocol[~learned], "learned": protocol[learned]}.items():
        paper_figures.draw_paper_curves(rows, tmp_path / f"1-{name}.png", experiment="e")
        paper_figures.draw_paper_sizes(rows, tmp_path / f"2-{name}.png", experiment="e")
        picture(tmp_path / f"1-{name}.png")
    assert imread(tmp_path / "2-others.png").shape[0] < imread(tmp_path / "2-learned.png").shape[0]
    paper_figures.draw_paper_curves(protocol.assign(dice=np.nan), tmp_path / "empty.png", experiment="e")
    assert imread(tmp_path / "empty.png").shape[0] < imread(tmp_path / "1-learned.png").shape[0]


def dice_rows(explainers, protocols):
    """Rows of PROTOCOLS: Dice at half visibility by explainer and protocol; None: not run."""
    return [
        {**KEY, **key, "protocol": name, "dice_full": 0.811, "dice_half": dice}
        for name, values in protocols.items()
        for key, dice in zip(explainers, values, strict=True)
        if dice is not None
    ]


EXPLAINERS = [
    {"explainer": "control-random"},
    {"explainer": "u-noise-large", "parameters": 537425, "pretrained": False},
    {"explainer": "u-noise-small", "parameters": 28529, "pretrained": True},
    {"explainer": "grad-cam_|x"},
]
DICE = {
    "design": [0.1, 0.2, 0.5, 0.4],
    "published": [0.05, 0.25, 0.34, 0.9],
    "per_slice": [0.05, 0.3, 0.36, None],
    "air": [0.05, 0.3, 0.31, 0.9],
}
RUNTIMES = [
    {"explainer": "occlusion", "median_seconds": 12.3456, "low_seconds": 12, "high_seconds": 13},
    {"explainer": "grad-cam_|x", "median_seconds": 0.0123, "low_seconds": 0.012, "high_seconds": 0.0131},
]


@pytest.fixture
def section(tmp_path):
    """Return a function that writes the section of made tables, through Parquet."""

    def write(dice=DICE, explainers=EXPLAINERS, targets=("pancreas",), runtimes=RUNTIMES):
        rows = [{**row, "target": target} for target in targets for row in dice_rows(explainers, dice)]
        times = [{**KEY, "device": "cpu", "slices": 20, **row} for row in runtimes]
        times = [{key: row[key] for key in row if key in tables.RUNTIME.names} for row in times]
        return protocols_section(
            through_parquet(tmp_path / "protocols.parquet", tables.PROTOCOLS, rows),
            through_parquet(tmp_path / "runtime.parquet", tables.RUNTIME, times),
        )

    return write


def cells(table):
    return [[cell.strip() for cell in row.strip("|").split(" |")] for row in table.splitlines() if "---" not in row]


def test_protocols_have_the_published_first_and_ours_last(section):
    intro, table, *_ = section()
    assert "one threshold for all slices" in intro
    header, *rows = cells(table)
    assert header == ["explainer", "published", r"per\_slice", "air", "design"]
    assert [row[0] for row in rows] == ["u-noise-large", "u-noise-small", r"grad-cam\_\|x", "control-random"]
    assert rows[1][1:] == ["0.340", "0.360", "0.310", "0.500"]
    assert rows[2][1:] == ["0.900", "–", "0.900", "0.400"]
    named = pd.DataFrame({"protocol": ["design-zero", "b", "design-blur", "a", "b", "published"]})
    assert in_column_order(named) == ["published", "b", "a", "design-zero", "design-blur"]


def test_the_sentence_says_what_each_protocol_changed_for_the_best_interpreter(section):
    text = section()[2]
    assert "**u-noise-small** (0.340)" in text
    assert r"per\_slice +0.020; air -0.030; design +0.160." in text
    assert "published 0.811" in text


def test_the_sentence_claims_nothing_that_was_not_run(section):
    assert "No interpreter was evaluated under" in section(dice={"design": DICE["design"]})[2]
    assert "No other protocol was run" in section(dice={"published": DICE["published"]})[2]
    others = {name: [values[0], values[3]] for name, values in DICE.items()}
    assert section(dice=others, explainers=[EXPLAINERS[0], EXPLAINERS[3]])[2] == "No interpreter was evaluated."


def test_run_times_are_sorted_and_in_milliseconds(section):
    header, *rows = cells(section()[-1])
    assert header[0] == "explainer"
    assert rows == [[r"grad-cam\_\|x", "12", "12 to 13", "cpu"], ["occlusion", "12,346", "12,000 to 13,000", "cpu"]]


def test_several_targets_are_named_and_nothing_makes_no_section(section):
    text = "\n".join(section(targets=("liver", "pancreas")))
    assert "**Target liver, segmenter unet-1a2b**" in text
    assert "nan" not in text.lower()
    assert section(dice={}, runtimes=[]) == []
