"""`summary.md`, the page that a person reads first, made from the tables alone."""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from unoise.files import whole_file
from unoise.report.figures import ORDERS, costs_per_slice, in_order
from unoise.workflow.manifest import SPLITS
from unoise.workflow.plan import CONTROL

ENOUGH_PATIENTS = 8
_SIGNIFICANT = 0.05
_VISIBILITIES = (0.02, 0.05, 0.1, 0.2, 0.5)
_HEADLINE = 0.05
_NULL = "-"
_TEXT_COLUMNS = ("segmenter", "class", "explainer")
_MARKDOWN = str.maketrans(
    {"<": "&lt;", ">": "&gt;", "&": "&amp;", "\n": " ", "\r": " "} | {c: f"\\{c}" for c in "\\`*_[]|~!#$"}
)
_GLOSSARY = {
    "explainer": "a method that says of every voxel (3D pixel) how important it was to the segmenter",
    "control": "a map that knows nothing of how the segmenter decides (random, distance to the organ, …); "
    "an explainer that does not beat it has found the organ, nothing more",
    "visibility": "the share of a slice's voxels that is left visible; the rest is hidden",
    "obscurer": "what takes the place of a hidden voxel: air (`zero`), the average of bodies (`mean`), "
    "itself with added `noise`, itself in a `blur`, or the voxel of another patient (`donor`)",
    "judge": "the network that segments the partly hidden image; `original` is the explained one",
    "agreement": "overlap (Dice, 0 to 1) of the judge's prediction on the partly hidden image with its own "
    "prediction on the full image",
    "Dice": "overlap of two outlines, from 0 (none) to 1 (the same); here, prediction and label",
    "kept first": "the most important voxels stay visible longest: high agreement at low visibility is good",
    "removed first": "the most important voxels are hidden first: a quick fall of agreement is good",
    "area": "mean height of the agreement curve from 1 to 100 % on a logarithmic axis, between 0 and 1",
    "gain": "how much better the area is than the best control's; positive is better in both orders",
    "p": "chance of such a gain if explainer and control were equal (Wilcoxon signed-rank over patients, "
    "corrected for the number of explainers by Holm's method)",
}


def write_summary(
    out: Path,
    *,
    experiment: str,
    config: dict,
    cases: pd.DataFrame,
    segmentation: pd.DataFrame,
    curves: pd.DataFrame,
    ranking: pd.DataFrame,
    costs: pd.DataFrame,
    further: dict[str, list[str]],
    figures: dict[str, str],
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
    cases, segmentation, curves, ranking, costs
        Rows of the tables of these names (`tables.CASES` and so on).
    further
        Paragraphs of further sections, by heading.
    figures
        Path of each figure relative to the folder of `out`, by caption.
    """
    test = curves[curves["split"] == "test"]
    parts = [f"# What {escape(experiment)} found"]
    contests = list(ranking.groupby(["target", "judge"], sort=True))
    for (target, judge), group in contests:
        shown = test[(test["target"] == target) & (test["judge"] == judge)]
        about = f"**Target {escape(target)}, judge {escape(judge)}.** " if len(contests) > 1 else ""
        parts.append(about + verdict(group, shown))
    parts += [
        f"No explanation of {escape(target)} could be scored: the segmenter found it in no test patient."
        for target in config["targets"]
        if target not in set(ranking["target"])
    ]
    parts += ["## What was explained", *_explained(cases, segmentation)]
    parts.append("## Figures")
    parts += [f"![{escape(text)}]({quote(path)})\n\n*{escape(text)}*" for text, path in figures.items()]
    for (target, judge), group in contests:
        shown = test[(test["target"] == target) & (test["judge"] == judge)]
        parts.append(f"## Results for {escape(target)}, judged by {escape(judge)}")
        parts += [*_ranking_tables(group), *_visibility_tables(shown)]
    for heading, paragraphs in further.items():
        parts += [f"## {heading}", *paragraphs]
    parts += ["## Costs", *_costs(costs)]
    parts += ["## Words", "\n".join(f"- **{word}**: {meaning}." for word, meaning in _GLOSSARY.items())]
    parts += ["## Limits", "\n".join(f"- {limit}" for limit in _limits(config, ranking))]
    with whole_file(out) as temporary:
        temporary.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def escape(text: object) -> str:
    """Text from a table as Markdown that shows it literally."""
    return str(text).translate(_MARKDOWN)


def verdict(ranking: pd.DataFrame, curves: pd.DataFrame) -> str:
    """Say in two or three sentences which explanation kept most of the prediction, and how certain that is.

    Parameters
    ----------
    ranking
        Rows of `tables.RANKING` of one target and judge.
    curves
        Rows of `tables.CURVES` of the test patients, of the same target and judge.
    """
    kept = ranking[ranking["order"] == "kept_first"]
    methods = kept[~kept["explainer"].str.startswith(CONTROL)]
    if methods.empty:
        return "This run has no explanation to judge: it evaluated controls only."
    obscurers = sorted(set(kept["obscurer"]))
    patients = int(methods["patients"].max())
    ways = f"{_count(len(obscurers), 'way')} ({_listed(obscurers)})"
    where = f"{_count(patients, 'test patient')}, with hidden voxels replaced in {ways}"
    if patients < ENOUGH_PATIENTS:
        return _undecided(methods, patients, where)
    best = methods.groupby("explainer")["area"].mean().sort_values(kind="stable").index[-1]
    own = methods[methods["explainer"] == best].sort_values("obscurer")
    first = (
        f"Of {_count(methods['explainer'].nunique(), 'explanation')}, **{escape(best)}** kept most of the "
        f"prediction with little visible: area under the agreement curve {own['area'].mean():.2f} (of 1) "
        f"on {where}{_at_headline(own, curves)}."
    )
    return " ".join([first, _against_control(methods, own), _consistency(methods)])


def _undecided(methods: pd.DataFrame, patients: int, where: str) -> str:
    sentences = [
        f"This run evaluated {_count(methods['explainer'].nunique(), 'explanation')} on {where}.",
        f"With fewer than {ENOUGH_PATIENTS} test patients explanations cannot be told apart by "
        "statistics, so this page does not rank them.",
    ]
    lowest = methods.groupby("explainer")["gain"].min()
    above = in_order(lowest[lowest > 0].index)
    if methods["gain"].isna().all():
        sentences.append("No control was run beside them.")
    elif not (methods["gain"] > 0).any():
        sentences.append("None of them lies above the best control under any obscurer.")
    else:
        names = _listed(above) if above else "No explanation"
        verb = "lie" if len(above) > 1 else "lies"
        sentences.append(
            f"{names} {verb} above the best control under every obscurer; another patient could change that."
        )
    return " ".join(sentences + ["There is no interval and no p-value with one patient."] * (patients == 1))


def _at_headline(own: pd.DataFrame, curves: pd.DataFrame) -> str:
    """Say how one explainer and its controls agree at the visibility nearest to 5 %."""
    kept = curves[curves["order"] == "kept_first"]
    visibility = min(set(kept["visibility"]), key=lambda one: abs(one - _HEADLINE))
    means = kept[kept["visibility"] == visibility].groupby(["obscurer", "explainer"])["agreement"].mean()
    mine = means.loc[list(zip(own["obscurer"], own["explainer"], strict=True))].mean()
    text = f"; with {100 * visibility:g} % of each slice visible, agreement with the full image is {mine:.2f}"
    if own["best_control"].isna().any():
        return text
    control = means.loc[list(zip(own["obscurer"], own["best_control"], strict=True))].mean()
    return f"{text} (best control: {control:.2f})"


def _against_control(methods: pd.DataFrame, own: pd.DataFrame) -> str:
    """Compare the best explanation with the best control, under each obscurer."""
    if own["gain"].isna().all():
        return "No control was run beside it, so whether it found more than the organ's place is unknown."
    won = own[_beaten(own)]
    gains = "; ".join(
        f"{escape(row['obscurer'])} {row['gain']:+.2f} over {escape(row['best_control'])}, p {_p(row['p'])}"
        for _, row in own.iterrows()
    )
    if len(won) == len(own):
        return f"It beats the best control under every obscurer (gain in area: {gains})."
    if len(won):
        return f"It beats the best control only under {_listed(won['obscurer'])} (gain in area: {gains})."
    others = methods[_beaten(methods)]
    if others.empty:
        return f"But **no explanation beats the best control** under any obscurer (its gain in area: {gains})."
    return (
        f"But it does not beat the best control under any obscurer (gain in area: {gains}); "
        f"{_listed(in_order(others['explainer']))} does under {_listed(sorted(set(others['obscurer'])))}."
    )


def _beaten(ranking: pd.DataFrame) -> pd.Series:
    return (ranking["gain"] > 0) & (ranking["p"] < _SIGNIFICANT)


def _consistency(methods: pd.DataFrame) -> str:
    """Say whether the explanations come in the same order under all obscurers."""
    ranked = methods.sort_values("rank").groupby("obscurer", sort=True)["explainer"].agg(tuple)
    if len(ranked) < 2 or len(ranked.iloc[0]) < 2:
        return ""
    if ranked.nunique() == 1:
        return "The explanations rank in the same order under all obscurers."
    firsts = ranked.map(lambda names: names[0])
    if firsts.nunique() == 1:
        return "The first place is the same under all obscurers, the places after it are not."
    places = "; ".join(f"{escape(obscurer)}: {escape(name)}" for obscurer, name in firsts.items())
    return f"The ranking depends on the obscurer; first are {places}."


def _explained(cases: pd.DataFrame, segmentation: pd.DataFrame) -> list[str]:
    splits = cases.drop_duplicates("case").groupby("split")["patient"].agg(["size", "nunique"])
    data = "; ".join(
        f"{split}, {_count(row['size'], 'scan')} of {_count(row['nunique'], 'patient')}"
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
            "Dice, mean (range)": _ranged(group["dice"], 2),
            "surface distance, mm": _ranged(group["surface_distance"], 1),
            "labelled volume, ml": _ranged(group["label_ml"], 1),
            "predicted volume, ml": _ranged(group["predicted_ml"], 1),
        }
        for (model, name), group in patients.groupby(["model", "class"])
    ]
    intro = "The segmenter on the test patients, against the labels (mean over patients, range in brackets):"
    return [f"The data: {data}.", intro, table(rows)]


def _ranking_tables(ranking: pd.DataFrame) -> list[str]:
    parts = ["### Area under the agreement curve"]
    ranked = ranking["patients"].max() >= ENOUGH_PATIENTS
    for (obscurer, order), group in ranking.groupby(["obscurer", "order"], sort=True):
        best, split = group.iloc[0][["best_control", "control_chosen_on"]]
        control = "No control was run."
        if pd.notna(best):
            control = f"Best control: {escape(best)}, chosen on the {escape(split)} patients."
        listed = group.set_index("explainer").loc[in_order(group["explainer"])].reset_index()
        rows = [
            ({"rank": row["rank"]} if ranked else {})
            | {
                "explainer": escape(row["explainer"]),
                "area (95 % interval)": _interval(row["area"], row["low"], row["high"]),
                "gain on best control": _interval(row["gain"], row["gain_low"], row["gain_high"], "+.3f"),
                "p": _p(row["p"]),
            }
            for _, row in (listed.sort_values("rank") if ranked else listed).iterrows()
        ]
        parts += [f"**Hidden by {escape(obscurer)}; {ORDERS[order].lower()}.** {control}", table(rows)]
    if ranking["patients"].max() == 1:
        parts.append("No interval and no p-value with one patient.")
    return parts


def _visibility_tables(curves: pd.DataFrame) -> list[str]:
    """Tables of agreement at some visibilities, one an obscurer, and of the body's visibility."""
    kept = curves[(curves["order"] == "kept_first") & curves["visibility"].round(9).isin(_VISIBILITIES)]
    parts = ["### Agreement when little is visible", "Kept first, mean over the test patients."]
    for obscurer, group in kept.groupby("obscurer", sort=True):
        parts += [f"**Hidden by {escape(obscurer)}**", _by_visibility(group, "agreement", ".2f")]
    intro = "**Visible share of the body.** Air outside is free to hide, so this may exceed the slice's:"
    return [*parts, intro, _by_visibility(kept, "visibility_body", ".1%")]


def _by_visibility(curves: pd.DataFrame, value: str, form: str) -> str:
    means = curves.groupby(["explainer", "visibility"])[value].mean().unstack()
    rows = [
        {"explainer": escape(explainer)}
        | {f"{100 * visibility:g} % visible": _number(one, form) for visibility, one in means.loc[explainer].items()}
        for explainer in in_order(means.index)
    ]
    return table(rows)


def _costs(costs: pd.DataFrame) -> list[str]:
    intro = "Seconds and memory differ from run to run and from machine to machine; passes do not."
    rows = [
        {
            "explainer": escape(explainer),
            "forward passes per slice": f"{row['forwards']:.3g}",
            "backward passes per slice": f"{row['backwards']:.3g}",
            "seconds per slice (volatile)": f"{row['seconds']:.2g}",
            "peak MiB (volatile)": _number(row["peak_mib"], ".0f"),
        }
        for explainer, row in costs_per_slice(costs).iterrows()
    ]
    return [intro, table(rows)]


def _limits(config: dict, ranking: pd.DataFrame) -> Iterable[str]:
    least = config["evaluation"]["min_voxels"]
    if "phantom" in config:
        yield "The patients are synthetic (phantoms): nothing here is a finding about people."
    yield "Explanations are judged by the segmenter's own prediction: they can be true to a wrong model."
    yield "One segmenter, trained once: another training may give other explanations, another ranking."
    yield f"Only slices where label or prediction has at least {least} voxels of the target were evaluated."
    yield "A partly hidden image is unlike those the segmenter learned from: that alone can lower agreement."
    yield "Only the judges and obscurers named above were tried."
    yield "Whether a map tells by its shape what it should show (its leak) was not measured."
    smallest = _smallest_p(ranking)
    if smallest >= _SIGNIFICANT:
        yield f"With so few patients for so many comparisons no p below {smallest:.2f} is possible."
    if "test" in set(ranking["control_chosen_on"]):
        yield "There were no validation patients: the best control was chosen on the test patients."


def _smallest_p(ranking: pd.DataFrame) -> float:
    """The smallest adjusted p that the test can give; 0 where there is none."""
    compared = ranking.dropna(subset="p").groupby(["target", "judge", "obscurer", "order"])["patients"]
    return float((compared.size() * 2.0 ** (1 - compared.max())).clip(upper=1).max()) if len(compared) else 0.0


def table(rows: list[dict]) -> str:
    """Rows as a Markdown table; the keys of the first are its columns, and texts must be escaped already."""
    if not rows:
        return "(no rows)"
    align = ["left" if name in _TEXT_COLUMNS else "right" for name in rows[0]]
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True, colalign=align)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(escape(name) for name in names)


def _number(value: float, form: str) -> str:
    return _NULL if pd.isna(value) else format(value, form)


def _ranged(values: pd.Series, digits: int) -> str:
    return _interval(values.mean(), values.min(), values.max(), f".{digits}f")


def _interval(value: float, low: float, high: float, form: str = ".3f") -> str:
    if pd.isna(value) or pd.isna(low):
        return _number(value, form)
    return f"{value:{form}} ({low:{form}} to {high:{form}})"


def _p(value: float) -> str:
    return "< 0.001" if pd.notna(value) and value < 0.001 else _number(value, ".3f")
