"""Do explanations find what a segmenter is known to need, and which scores put the right answer first?

For every planted cue several segmenters are trained, each on patients and with a seed of its own, as
`config/planted.yaml` says. A segmenter that does not use the cue, by what interventions on it do, is dropped. Then the
explanations are compared with the truth, and every score with where it puts the truth: a score is fit for a cue if the
truth comes first for every segmenter. docs/planted.md tells it at length.

    python benchmarks/planted.py [--cues marker redundant texture context] [--models 5] [--cores 2] [--out FILE]

Stored models and maps are not computed again. Prints Markdown; the file is written after each cue.
"""

from __future__ import annotations

import argparse
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pandas as pd
import yaml

from experiments import PROJECT, run
from unoise import tables
from unoise.files import whole_file
from unoise.report.figures import in_order
from unoise.report.markdown import escape
from unoise.workflow import methods
from unoise.workflow.names import ORIGINAL

TRUTH = "truth"
STILL_USED = {"gone": 0.3, "stays": 0.7}  # agreement at most, at least, for a segmenter that uses the cue
RIGHT = 0.95  # average precision from which a map is as right as the truth
FOUND = {"hit": "hit rate", "mass": "mass inside", "average_precision": "average precision"}
LARGER, SMALLER = 1, -1
SCORES = {
    "kept_first_area": LARGER,  # ordered as by the gain over the best control
    "removed_first_area": SMALLER,
    "area_difference": LARGER,  # kept first minus removed first
    "agreement_at_2": LARGER,
    "agreement_at_5": LARGER,
    "agreement_at_10": LARGER,
    "visibility_90": SMALLER,
    "visibility_95": SMALLER,
}
TABLES = ("interventions", "truth", "scores")


def experiment(cue: str, number: int) -> dict:
    """The config of one segmenter."""
    text = (PROJECT / "config" / "planted.yaml").read_text(encoding="utf-8")
    name = f"planted-{cue}-{number}"
    config = yaml.safe_load(text.replace("results/planted/", f"results/{name}/"))
    config["phantom"] |= {"planted": cue, "seed": number}
    return config | {"experiment": name, "seed": number}


def uses_the_cue(interventions: pd.DataFrame) -> bool:
    """Whether every change of the cue does to the segmenter's answer what it does where the cue is used."""
    means = interventions.groupby(["effect", "change"]).agreement.mean()
    gone, stays = (means[means.index.get_level_values("effect") == effect] for effect in STILL_USED)
    return bool((gone <= STILL_USED["gone"]).all() and (stays >= STILL_USED["stays"]).all())


def found(truth: pd.DataFrame) -> pd.DataFrame:
    """What each explainer finds of the truth: means over patients and then over segmenters, and the smallest."""
    means = truth.groupby(["model", "explainer"])[list(FOUND)].mean().groupby("explainer")
    cells = {
        heading: means[name].mean().map("{:.2f}".format) + means[name].min().map(" ({:.2f})".format)
        for name, heading in FOUND.items()
    }
    return pd.DataFrame(cells)


def places(scores: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Where each score puts the truth among all explainers.

    Returns
    -------
    DataFrame
        A row per score, obscurer and model: the `place` of the truth, null without its score, how many `wrong` maps
        come before it (a map is wrong where its average precision is below `RIGHT`), and how far the score `follows`
        the average precision of all the others, as a rank correlation.
    """
    precision = truth.groupby(["model", "explainer"]).average_precision.mean()
    own = scores[(scores.judge == ORIGINAL) & scores.score.isin(SCORES)]
    rows = []
    for (score, obscurer, model), group in own.groupby(["score", "obscurer", "model"]):
        values = SCORES[score] * group.set_index("explainer")["mean"]
        before = values.index[values > values[TRUTH]]
        place = len(before) + 1 if pd.notna(values[TRUTH]) else None
        wrong = int((precision[model][before] < RIGHT).sum())
        follows = pd.concat([values, precision[model]], axis=1).drop(TRUTH).corr("spearman").iloc[0, 1]
        named = {"score": score, "obscurer": obscurer, "model": model}
        rows.append({**named, "place": place, "wrong": wrong, "follows": follows})
    return pd.DataFrame(rows)


def verdicts(placed: pd.DataFrame) -> pd.DataFrame:
    """What `places` says of each score and obscurer (index): the places, and whether the score is fit."""
    rows = {}
    for key, group in placed.groupby(["score", "obscurer"]):
        known = group.place.notna().all()
        judged = "fit" if known and (group.place == 1).all() else "**unfit**"
        if judged != "fit" and known and not group.wrong.any():
            judged = "fit: those before it are as right"
        shown = " ".join("–" if pd.isna(place) else f"{place:.0f}" for place in group.place)
        follows = f"{group.follows.mean():.2f} ({group.follows.min():.2f})" if group.follows.notna().any() else "–"
        rows[key] = {"place of the truth, by segmenter": shown, "this score is": judged, "follows the truth": follows}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["score", "obscurer"]).reindex(SCORES, level=0)


def part(cue: str, runs: list[dict[str, pd.DataFrame]], failed: int) -> list[str]:
    """Paragraphs on one cue."""
    declared = methods.find("data.planted", cue).load()
    using = [one for one in runs if uses_the_cue(one["interventions"])]
    changes = pd.concat([one["interventions"] for one in runs]).groupby(["change", "effect"], sort=False)
    said = ", ".join(f"{change} {left:.2f} ({effect})" for (change, effect), left in changes.agreement.mean().items())
    dropped = f"{len(runs) - len(using)} of {len(runs)} segmenters do not use the cue and are dropped."
    parts = [
        f"## {cue}",
        f"{declared.__doc__.strip()} The truth: {', '.join(declared.TRUTH)}.",
        f"What is left of the answer after each change of the cue (and what is left if it is used): {said}. {dropped}"
        + f" {failed} runs failed." * bool(failed),
    ]
    if not using:
        return parts
    truth, scores = (pd.concat([one[name] for one in using]) for name in ("truth", "scores"))
    table = found(truth)
    return [
        *parts,
        "Mean over segmenters (the worst one):",
        table.loc[in_order(table.index)].rename(index=escape).to_markdown(disable_numparse=True),
        verdicts(places(scores, truth)).reset_index().to_markdown(index=False, disable_numparse=True),
    ]


def main() -> None:
    """Read the command line, run the experiments, print what came out."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    known = methods.names("data.planted")
    parser.add_argument("--cues", nargs="+", default=known, choices=known)
    parser.add_argument("--models", type=int, default=5, help="segmenters a cue")
    parser.add_argument("--cores", type=int, default=2, help="segmenters at once, a core each")
    parser.add_argument("--out", type=Path, help="a Markdown file to write as well")
    options = parser.parse_args()
    parts = ["# Do explanations find what is planted?"]
    for cue in options.cues:
        configs = [experiment(cue, number) for number in range(1, options.models + 1)]
        with ThreadPool(options.cores) as pool:
            first = pool.map(lambda config: run("planted", config, 1, TABLES), configs, chunksize=1)
        # One that starts while another ends may be refused by Snakemake; what is stored is not computed again.
        folders = [
            folder or run("planted", config, options.cores, TABLES)
            for folder, config in zip(first, configs, strict=True)
        ]
        runs = [
            {name: tables.read(folder / f"{name}.parquet", getattr(tables, name.upper())) for name in TABLES}
            for folder in folders
            if folder
        ]
        if runs:
            parts += part(cue, runs, failed=folders.count(None))
        if options.out:
            with whole_file(options.out) as temporary:
                temporary.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print("\n\n".join(parts))


if __name__ == "__main__":
    main()
