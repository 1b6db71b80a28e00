"""Two experiments, or two models, side by side, as Markdown."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from unoise import tables
from unoise.errors import UserError
from unoise.report.figures import in_order
from unoise.report.markdown import NOT_DISTINGUISHABLE, count, escape, interval, number, p_value, table
from unoise.statistics.comparison import compare_curves
from unoise.statistics.intervals import ENOUGH_PATIENTS

RESAMPLES, SEED = 5000, 2101
_CURVES, _CASES = Path("tables/curves.parquet"), Path("cases.parquet")
_HEADINGS = {
    "kept_first_area": "Area under the agreement curve, kept first",
    "agreement_at_2": "Agreement at 2 % visible",
    "agreement_at_5": "Agreement at 5 % visible",
    "agreement_at_10": "Agreement at 10 % visible",
}


@dataclass(frozen=True)
class Side:
    """One of the two.

    Attributes
    ----------
    name
        As it was asked for.
    model
        Its segmenter.
    curves
        Rows of `tables.CURVES` of this model and its test patients.
    images
        By test patient, the hashes of the scans.
    """

    name: str
    model: str
    curves: pd.DataFrame
    images: dict[str, frozenset[str]]


def find_side(name: str, results: Path) -> Side:
    """Find an experiment by its name or its folder, or a model by its name, and read what is compared.

    Parameters
    ----------
    name
        Of a folder in `results`; of any folder with results of an experiment; or of a segmenter, as in the tables.
    results
        The folder of all experiments.

    Raises
    ------
    UserError
        If there is no such thing, or an experiment without the tables or with several models.
    """
    experiments = sorted(path.parents[1] for path in results.glob(f"*/{_CURVES}"))
    for folder in (results / name, Path(name)):
        if folder.is_dir():
            return _read(name, folder)
    for folder in experiments:
        if name in set(tables.read(folder / _CURVES, tables.CURVES)["model"]):
            return _read(name, folder, name)
    known = ", ".join(folder.name for folder in experiments) or "none"
    raise UserError(
        f"there is no experiment and no model {name!r}",
        file=results,
        remedy=f"Experiments with results here: {known}; models are named in their tables",
    )


def compare_sides(a: Side, b: Side) -> str:
    """Set two experiments or models side by side, a Markdown page.

    Patients are the same where id and scans are.

    Raises
    ------
    UserError
        If they share no test patient, or no cell of explainer, target, obscurer and judge.
    """
    shared = sorted(patient for patient in a.images.keys() & b.images.keys() if a.images[patient] == b.images[patient])
    if not shared:
        raise UserError(
            f"{a.name} and {b.name} share no test patient with the same scans",
            remedy="Compare experiments on one dataset, with the same patients in the split 'test'",
        )
    own = [side.curves[side.curves["patient"].isin(shared)] for side in (a, b)]
    found = compare_curves(*own, RESAMPLES, SEED)
    if found.empty:
        raise UserError(
            f"{a.name} and {b.name} have no explainer, target, obscurer and judge of the same names",
            remedy="Name them alike in both configs",
        )
    parts = [
        f"# {escape(a.name)} and {escape(b.name)}",
        f"A is {escape(a.name)} (model {escape(a.model)}), B is {escape(b.name)} (model {escape(b.model)}). Means over "
        f"{count(len(shared), 'test patient')} that both have; the difference is B minus A on the same patient, with "
        "its 95 % interval (bootstrap) and p (Wilcoxon signed-rank, corrected for the number of explainers by Holm's "
        f"method). With fewer than {ENOUGH_PATIENTS} patients nothing can be told apart. What an explanation keeps is "
        "measured against the model's own prediction, which may differ between A and B.",
    ]
    for (target, obscurer, judge), group in found.groupby(["target", "obscurer", "judge"], sort=True):
        parts.append(f"## {escape(target)}, hidden by {escape(obscurer)}, judged by {escape(judge)}")
        for score, heading in _HEADINGS.items():
            rows = group[group["score"] == score]
            if len(rows):
                parts += [f"**{heading}**", _table(rows)]
    left = {side.name: sorted(set(side.curves["explainer"]) - set(found["explainer"])) for side in (a, b)}
    parts += [f"Only in {escape(name)}: {', '.join(map(escape, keys))}." for name, keys in left.items() if keys]
    return "\n\n".join(parts) + "\n"


def _read(name: str, folder: Path, model: str | None = None) -> Side:
    for path in (folder / _CURVES, folder / _CASES):
        if not path.is_file():
            raise UserError(f"{name} has no results", file=path, remedy="Run the experiment first")
    curves = tables.read(folder / _CURVES, tables.CURVES)
    curves = curves[curves["split"] == "test"]
    models = [model] if model else sorted(set(curves["model"]))
    if len(models) != 1:
        raise UserError(
            f"{name} has results of {count(len(models), 'model')}", file=folder, remedy="Name a model instead"
        )
    cases = tables.read(folder / _CASES, tables.CASES)
    cases = cases[cases["split"] == "test"]
    images = {patient: frozenset(group["image_sha256"]) for patient, group in cases.groupby("patient")}
    return Side(name, models[0], curves[curves["model"] == models[0]], images)


def _table(rows: pd.DataFrame) -> str:
    by_name = rows.set_index("explainer")
    return table(
        [
            {
                "explainer": escape(name),
                "patients": row["patients"],
                "A": number(row["a"], ".3f"),
                "B": number(row["b"], ".3f"),
                "B minus A": interval(row["difference"], row["low"], row["high"], "+.3f"),
                "p": p_value(row["p"]) if row["patients"] >= ENOUGH_PATIENTS else NOT_DISTINGUISHABLE,
            }
            for name, row in ((name, by_name.loc[name]) for name in in_order(by_name.index))
        ]
    )
