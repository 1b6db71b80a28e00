"""`summary.md`, the page that a person reads first, made from the tables alone."""

from collections.abc import Iterable
from itertools import count as iterate
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from unoise.files import whole_file
from unoise.report.absent import absent_sentence
from unoise.report.caveats import CARELESS, sanity_mark, tells
from unoise.report.figures import ORDERS, costs_per_unit, in_order
from unoise.report.judges import judges_section
from unoise.report.markdown import NOT_DISTINGUISHABLE, count, escape, interval, number, p_value, ranged, table
from unoise.report.missing import missing_section
from unoise.report.seen import NOTE, Pairs, mark, unseen
from unoise.report.verdict import SIGNIFICANT, verdict
from unoise.statistics.intervals import ENOUGH_PATIENTS
from unoise.statistics.leak import TELLS, map_leaks
from unoise.statistics.sanity import by_change
from unoise.workflow.manifest import SPLITS
from unoise.workflow.names import CONTROL, ORIGINAL

_VISIBILITIES = (0.02, 0.05, 0.1, 0.2, 0.5)
_CHECKS = {
    "faithfulness": "infidelity and sensitivity (`faithfulness`)",
    "sanity": "what the maps owe to what the segmenter has learned (`sanity`)",
    "stability": "how alike maps are when interpreters are trained again (`stability`)",
}
_GLOSSARY = {
    "explainer": "a method that says of every voxel (3D pixel) how important it was to the segmenter",
    "control": "a map that knows nothing of how the segmenter decides (random, distance to the organ, …); "
    "an explainer that does not beat it has found the organ, nothing more",
    "visibility": "the share of a {unit}'s voxels that is left visible; the rest is hidden",
    "obscurer": "what takes the place of a hidden voxel: air (`zero`), the average of bodies (`mean`), "
    "itself with added `noise`, itself in a `blur`, or the voxel of another patient (`donor`)",
    "judge": "the network that segments the partly hidden image; `original` is the explained one; "
    "unless said otherwise, numbers are by it",
    "agreement": "overlap (Dice, 0 to 1) of the judge's prediction on the partly hidden image with its own "
    "prediction on the full image; for a target that is a region, overlap of its voxels whose decision (organ or not) "
    "stays the same with the whole region",
    "Dice": "overlap of two outlines, from 0 (none) to 1 (the same); here, prediction and label",
    "kept first": "the most important voxels stay visible longest: high agreement at low visibility is good",
    "removed first": "the most important voxels are hidden first: a quick fall of agreement is good",
    "area": "mean height of the agreement curve from 1 to 100 % on a logarithmic axis, between 0 and 1",
    "gain": "how much better the area is than the best control's; positive is better in both orders",
    "detectable": "the smallest true difference from the best control that as many patients show four times in five "
    "(paired t-test, two-sided, .05), judging by how much patients differed here",
    "leak": "what the shape of a mask tells instead of showing it: the agreement that is reached when only other "
    "content (another patient, or the {unit}'s own texture) is seen through it, minus the same through another "
    f"patient's mask; the largest from 2 % visible up. Above {TELLS} the map tells and is not ranked",
    "sanity": "whether the map changes when the segmenter loses what it has learned. One that *does not care* is not "
    "ranked; one that *follows the region* stays alike for the sake of the region that is explained alone",
    "p": "chance of such a gain if explainer and control were equal (Wilcoxon signed-rank over patients, "
    "corrected for the number of explainers by Holm's method)",
}


def write_summary(
    out: Path,
    *,
    experiment: str,
    config: dict,
    judges: dict[str, str],
    cases: pd.DataFrame,
    segmentation: pd.DataFrame,
    curves: pd.DataFrame,
    ranking: pd.DataFrame,
    leak: pd.DataFrame,
    rank_correlation: pd.DataFrame,
    costs: pd.DataFrame,
    sanity: pd.DataFrame | None,
    further: dict[str, list[str]],
    figures: dict[str, str],
    unit: str = "slice",
) -> None:
    """Write the summary of an experiment as Markdown.

    Parameters
    ----------
    out
        The Markdown file.
    experiment
        Its name.
    config
        Completed by `unoise.workflow.config.complete`.
    judges
        The `<model>` of each judge, by name; `original` is the segmenter.
    cases, segmentation, curves, ranking, leak, rank_correlation, costs
        Rows of the tables of these names (`tables.CASES` and so on).
    sanity
        Rows of `tables.SANITY`; None where no explanation was checked.
    further
        Paragraphs of further sections, by heading.
    figures
        Path of each figure relative to the folder of `out`, by caption.
    unit
        What a unit is called.
    """
    others = {judge: model for judge, model in judges.items() if judge != ORIGINAL}
    test = curves[(curves["split"] == "test") & (curves["judge"] == ORIGINAL)]
    own = ranking[ranking["judge"] == ORIGINAL]
    leaks = map_leaks(leak)
    changes = {} if sanity is None else {target: by_change(rows) for target, rows in sanity.groupby("target")}
    contests = [
        (target, group, test[test["target"] == target], leaks.get(target, {}), changes.get(target))
        for target, group in own.groupby("target", sort=True)
    ]
    parts = [f"# What {escape(experiment)} found", *missing_section(config.get("leave_out", {}))]
    for target, _, shown, told, cares in contests:
        parts.append(
            (f"**Target {escape(target)}.** " if len(contests) > 1 else "")
            + verdict(
                ranking[ranking["target"] == target],
                shown,
                told,
                cares,
                rank_correlation[rank_correlation["target"] == target],
                unit,
            )
        )
    parts += [
        f"No explanation of {escape(target)} could be scored: it is in no test patient that the segmenter saw."
        for target in config["targets"]
        if target not in set(own["target"])
    ]
    parts += filter(None, (absent_sentence(curves, target) for target in config["targets"]))
    segmented = segmentation[segmentation["model"] == judges[ORIGINAL]]
    parts += ["## What was explained", *_explained(cases, segmented)]
    parts.append("## Figures")
    parts += [f"![{escape(text)}]({quote(path)})\n\n*{escape(text)}*" for text, path in figures.items()]
    for target, group, shown, told, cares in contests:
        parts.append(f"## Results for {escape(target)}, judged by {ORIGINAL}")
        those = unseen(group)
        parts += [NOTE] * bool(those)
        parts += [*_ranking_tables(group, told, cares, those), *_visibility_tables(shown, those, unit)]
    if others:
        parts += ["## Other judges", *judges_section(others, segmentation, ranking)]
    for heading, paragraphs in further.items():
        parts += [f"## {heading}", *paragraphs]
    parts += ["## Costs", *_costs(costs, unit)]
    parts += [
        "## Words",
        "\n".join(f"- **{word}**: {meaning.format(unit=unit)}." for word, meaning in _GLOSSARY.items()),
    ]
    parts += ["## Limits", "\n".join(f"- {limit}" for limit in _limits(config, own, leak, unit))]
    with whole_file(out) as temporary:
        temporary.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _explained(cases: pd.DataFrame, segmentation: pd.DataFrame) -> list[str]:
    splits = cases.drop_duplicates("case").groupby("split")["patient"].agg(["size", "nunique"])
    data = "; ".join(
        f"{split}, {count(row['size'], 'scan')} of {count(row['nunique'], 'patient')}"
        for split, row in splits.reindex(SPLITS).dropna().astype(int).iterrows()
    )
    test = segmentation[segmentation["split"] == "test"]
    values = ["dice", "surface_distance", "label_ml", "predicted_ml"]
    patients = test.groupby(["model", "class", "patient"])[values].mean()
    rows = [
        {
            "segmenter": escape(model),
            "class": escape(name),
            "patients": len(group),
            "Dice, mean (range)": ranged(group["dice"], 2),
            "surface distance, mm": ranged(group["surface_distance"], 1),
            "labelled volume, ml": ranged(group["label_ml"], 1),
            "predicted volume, ml": ranged(group["predicted_ml"], 1),
        }
        for (model, name), group in patients.groupby(["model", "class"])
    ]
    intro = "The segmenter on the test patients, against the labels (mean over patients, range in brackets):"
    return [f"The data: {data}.", intro, table(rows)]


def _ranking_tables(
    ranking: pd.DataFrame, leaks: dict[str, float], changes: pd.DataFrame | None, those_unseen: Pairs
) -> list[str]:
    parts = ["### Area under the agreement curve"]
    ranked = ranking["patients"].max() >= ENOUGH_PATIENTS
    for (obscurer, order), group in ranking.groupby(["obscurer", "order"], sort=True):
        best, split = group.iloc[0][["best_control", "control_chosen_on"]]
        control = "No control was run."
        if pd.notna(best):
            control = f"Best control: {escape(best)}, chosen on the {escape(split)} patients."
        listed = group.set_index("explainer").loc[in_order(group["explainer"])].reset_index()
        marks = {key: sanity_mark(changes, key) for key in listed["explainer"] if not key.startswith(CONTROL)}
        unranked = [key for key in listed["explainer"] if tells(leaks, key) or marks.get(key) == CARELESS]
        places = iterate(1)
        rows = [
            ({"rank": "-" if row["explainer"] in unranked else next(places)} if ranked else {})
            | {
                "explainer": mark(escape(row["explainer"]), row["explainer"], obscurer, those_unseen),
                "area (95 % interval)": interval(row["area"], row["low"], row["high"]),
                "gain on best control": interval(row["gain"], row["gain_low"], row["gain_high"], "+.3f"),
                "detectable": number(row["detectable"], ".3f"),
                "p": _p(row),
                "leak": _leak(leaks, row["explainer"]),
            }
            | ({} if changes is None else {"sanity": marks.get(row["explainer"], "-")})
            for _, row in (listed.sort_values("rank") if ranked else listed).iterrows()
        ]
        parts += [f"**Hidden by {escape(obscurer)}; {ORDERS[order].lower()}.** {control}", table(rows)]
    if ranking["patients"].max() == 1:
        parts.append("No interval and no p-value with one patient.")
    return parts


def _p(row: pd.Series) -> str:
    few = row["patients"] < ENOUGH_PATIENTS and not row["explainer"].startswith(CONTROL) and pd.notna(row["gain"])
    return NOT_DISTINGUISHABLE if few else p_value(row["p"])


def _leak(leaks: dict[str, float], explainer: str) -> str:
    return number(leaks.get(explainer), ".3f") + " (tells)" * tells(leaks, explainer)


def _visibility_tables(curves: pd.DataFrame, those_unseen: Pairs, unit: str) -> list[str]:
    """Tables of agreement at some visibilities, one an obscurer, and of the body's visibility."""
    kept = curves[(curves["order"] == "kept_first") & curves["visibility"].round(9).isin(_VISIBILITIES)]
    parts = ["### Agreement when little is visible", "Kept first, mean over the test patients."]
    for obscurer, group in kept.groupby("obscurer", sort=True):
        parts += [
            f"**Hidden by {escape(obscurer)}**",
            _by_visibility(group, "agreement", ".2f", obscurer, those_unseen),
        ]
    intro = f"**Visible share of the body.** Air outside is free to hide, so this may exceed the {unit}'s:"
    return [*parts, intro, _by_visibility(kept, "visibility_body", ".1%")]


def _by_visibility(
    curves: pd.DataFrame, value: str, form: str, obscurer: str = "", those_unseen: Pairs = frozenset()
) -> str:
    means = curves.groupby(["explainer", "visibility"])[value].mean().unstack()
    rows = [
        {"explainer": mark(escape(explainer), explainer, obscurer, those_unseen)}
        | {f"{100 * visibility:g} % visible": number(one, form) for visibility, one in means.loc[explainer].items()}
        for explainer in in_order(means.index)
    ]
    return table(rows)


def _costs(costs: pd.DataFrame, unit: str) -> list[str]:
    intro = "Seconds and memory differ from run to run and from machine to machine; passes do not."
    rows = [
        {
            "explainer": escape(explainer),
            f"forward passes of the segmenter per {unit}": f"{row['forwards']:.3g}",
            f"backward passes per {unit}": f"{row['backwards']:.3g}",
            f"seconds per {unit} (volatile)": f"{row['seconds']:.2g}",
            "peak MiB (volatile)": number(row["peak_mib"], ".0f"),
        }
        for explainer, row in costs_per_unit(costs).iterrows()
    ]
    return [intro, table(rows)]


def _limits(config: dict, ranking: pd.DataFrame, leak: pd.DataFrame, unit: str) -> Iterable[str]:
    least = config["evaluation"]["min_voxels"]
    if "phantom" in config:
        yield "The patients are synthetic (phantoms): nothing here is a finding about people."
    yield "Explanations are judged by the segmenter's own prediction: they can be true to a wrong model."
    yield "One segmenter, trained once: another training may give other explanations, another ranking."
    yield f"Only {unit}s where label or prediction (or the region) has at least {least} voxels were evaluated."
    yield "A partly hidden image is unlike most that the segmenter learned from: that alone can lower agreement."
    yield "Only the judges and obscurers named above were tried."
    if leak["leak"].notna().any():
        contents = " and ".join(sorted(set(leak["content"])))
        yield f"What a map tells by its shape (its leak) was looked for with {contents} only: it may tell more."
    else:
        yield "What a map tells by its shape (its leak) could not be measured: that takes two test patients."
    smallest = _smallest_p(ranking)
    if smallest >= SIGNIFICANT:
        yield f"With so few patients for so many comparisons no p below {smallest:.2f} is possible."
    off = [what for section, what in _CHECKS.items() if not config[section]["explainers"]]
    if off:
        yield f"This config asks for no check of {', of '.join(off)}."
    if "test" in set(ranking["control_chosen_on"]):
        yield "There were no validation patients: the best control was chosen on the test patients."


def _smallest_p(ranking: pd.DataFrame) -> float:
    """The smallest adjusted p that the test can give; 0 where there is none."""
    compared = ranking.dropna(subset="p").groupby(["target", "obscurer", "order"])["patients"]
    return float((compared.size() * 2.0 ** (1 - compared.max())).clip(upper=1).max()) if len(compared) else 0.0
