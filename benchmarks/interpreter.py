"""How far the interpreter is from its goals: ours, the paper's objective, the best control and the best other rival.

Reads the tables of a finished run, computes nothing anew, and prints two tables as Markdown: the goals, and what each
explainer reaches.

    python benchmarks/interpreter.py [--experiment phantom-full] [--out docs/interpreter.md]

Run it in the project's folder. Agreement is kept first, mean over the test patients.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from unoise import tables
from unoise.compute import processor
from unoise.errors import UserError
from unoise.files import whole_file
from unoise.report.figures import in_order
from unoise.report.markdown import escape
from unoise.report.seen import NOTE, Pairs, mark, unseen
from unoise.report.verdict import SIGNIFICANT
from unoise.statistics.leak import map_leaks
from unoise.workflow.names import CONTROL, ORIGINAL

OURS, PAPER = "u-noise", "u-noise-paper"
INTERPRETERS = {OURS: "visibility", PAPER: "paper"}  # as the config names them
TABLES = ("curves", "ranking", "leak", "contests", "costs")
NONE = "–"
FRACTIONS = (0.01, 0.02, 0.05, 0.1)
SHOWN = ", ".join(f"{100 * one:g}" for one in FRACTIONS)


@dataclass(frozen=True)
class Row:
    """One goal: what every explainer reaches.

    Attributes
    ----------
    values
        By explainer.
    goal
        Or None, where there is none.
    sign
        1: the larger, the better; -1: the smaller.
    where
        What belongs to a value, by explainer.
    """

    name: str
    values: pd.Series
    goal: float | None = None
    sign: int = 1
    where: dict[str, str] = field(default_factory=dict)

    def cell(self, explainer: str | None, named: bool = False) -> str:
        """An explainer's value, bold where it meets the goal, with where it is reached and by whom."""
        value = self.values.get(explainer)
        if value is None or pd.isna(value):
            return NONE
        text = f"{value:.3f}" if value % 1 else f"{value:.0f}"
        if self.goal is not None and self.sign * value >= self.sign * self.goal:
            text = f"**{text}**"
        notes = [explainer] * named + ([self.where[explainer]] if explainer in self.where else [])
        return text + (f" ({escape('; '.join(notes))})" if notes else "")

    def best(self, explainers: list[str]) -> str | None:
        """Which of these explainers has the best value."""
        values = self.sign * self.values.reindex(explainers).dropna().astype(float)
        return values.idxmax() if len(values) else None


def kept_first(curves: pd.DataFrame) -> pd.Series:
    """Mean agreement over the test patients, by judge, obscurer, visibility and explainer."""
    kept = curves[(curves.order == "kept_first") & (curves.split == "test")]
    kept = kept.assign(visibility=kept.visibility.round(9))
    return kept.groupby(["judge", "obscurer", "visibility", "explainer"]).agreement.mean()


def agreement_rows(curves: pd.DataFrame) -> Iterator[Row]:
    """Goals for the agreement and for the dips of its curves."""
    means = kept_first(curves).unstack()
    goals = [(0.02, {"mean": 0.92}), (0.05, {"mean": 0.96, "noise": 0.92, "blur": 0.95, "donor": 0.88})]
    for visibility, those in goals:
        for obscurer, goal in those.items():
            own = means.reindex([(ORIGINAL, obscurer, visibility)]).iloc[0]
            yield Row(f"agreement at {100 * visibility:g} % visible, {obscurer}", own, goal)
    at_ten = means[means.index.get_level_values("visibility") == 0.1].droplevel("visibility")
    yield Row("agreement at 10 % visible, worst obscurer and judge", at_ten.min(), 0.95, 1, _places(at_ten))
    cells = means.sort_index().groupby(["judge", "obscurer"])
    dips = (cells.cummax() - means.sort_index()).groupby(["judge", "obscurer"]).max()
    yield Row("largest dip of a curve, over obscurers and judges", dips.max(), 0.01, -1, _places(-dips))


def _places(cells: pd.DataFrame) -> dict[str, str]:
    """Obscurer and judge at which each explainer's value is smallest."""
    found = {name: values.dropna() for name, values in cells.items()}
    places = {name: values.idxmin() for name, values in found.items() if len(values)}
    return {name: f"{obscurer}, {judge}" for name, (judge, obscurer) in places.items()}


def contest_rows(contests: pd.DataFrame) -> Iterator[Row]:
    """Goals for the paired contests, of the explainers that meet all others."""
    worst = contests.dropna(subset="smallest").sort_values("smallest").drop_duplicates("explainer")
    worst = worst.set_index("explainer")
    where = (worst.rival + ", " + worst.obscurer + ", " + worst.judge).to_dict()
    yield Row("worst cell against any rival, 1 to 10 % visible", worst.smallest, -0.01, 1, where)
    won = ((contests.difference > 0) & (contests.p < SIGNIFICANT)).groupby(contests.explainer)
    of = {name: f"of {count}" for name, count in won.size().items()}
    yield Row(f"contests won at adjusted p < {SIGNIFICANT}", won.sum(), where=of)


def cost_rows(costs: pd.DataFrame) -> Iterator[Row]:
    """The goal for the seconds that training an interpreter costs, by the segmenter's, and the passes behind them."""
    trained = costs[costs.stage == "train"].assign(passes=costs.forwards + costs.backwards)
    trained = trained.set_index(trained.model.map(lambda model: re.sub("-[0-9a-f]{8}$", "", model)))
    for column, goal in (("seconds", 1), ("passes", None)):
        spent = trained[column].astype(float)
        ratios = pd.Series({name: spent.get(key) for name, key in INTERPRETERS.items()}, dtype=float)
        yield Row(f"training {column} ÷ the segmenter's", ratios / spent.get("segmenter"), goal, -1)


def page(folder: Path, experiment: str) -> str:
    """The goals and what a run reached, as Markdown, from the folder of its tables."""
    read = {name: tables.read(folder / f"{name}.parquet", getattr(tables, name.upper())) for name in TABLES}
    parts = [f"# The interpreter and its goals: {experiment}", f"Processor of this machine: {processor()}."]
    leaks = map_leaks(read["leak"])
    for target, curves in read["curves"].groupby("target"):
        leak = pd.Series(leaks.get(target, {}), dtype=float)
        contests, ranking = (read[name][read[name].target == target] for name in ("contests", "ranking"))
        rows = [
            *agreement_rows(curves),
            Row("leak, largest over contents from 2 % visible up", leak, 0.03, -1),
            *contest_rows(contests),
            *cost_rows(read["costs"]),
        ]
        explainers = in_order(curves.explainer)
        parts += [f"## {target}", as_markdown(rows, explainers)]
        parts += [
            f"Agreement at {SHOWN} % visible, judge {ORIGINAL}; its mean over these but the first, all obscurers and "
            "judges; the leak:",
            overview(curves, leak, explainers, unseen(ranking)),
        ]
    footnote = (
        "In bold: the goal is met. In brackets: the explainer; where the value was found. Passes are slices forward "
        f"and back through the segmenter; those through the interpreter itself are not counted. {NOTE}"
    )
    return "\n\n".join([*parts, footnote]) + "\n"


def as_markdown(rows: list[Row], explainers: list[str]) -> str:
    """The table; the best control and the best other rival are found row by row."""
    controls = [name for name in explainers if name.startswith(CONTROL)]
    rivals = [name for name in explainers if name not in (*controls, OURS, PAPER)]
    shown = [
        {
            "": row.name,
            "goal": NONE if row.goal is None else f"{'≥' if row.sign > 0 else '≤'} {row.goal:g}",
            f"ours ({OURS})": row.cell(OURS),
            f"the paper's objective ({PAPER})": row.cell(PAPER),
            "best control": row.cell(row.best(controls), named=True),
            "best other rival": row.cell(row.best(rivals), named=True),
        }
        for row in rows
    ]
    return pd.DataFrame(shown).to_markdown(index=False, disable_numparse=True)


def overview(curves: pd.DataFrame, leak: pd.Series, explainers: list[str], those_unseen: Pairs) -> str:
    """Every explainer by every obscurer, judge original, and its leak; marked where its interpreter never met it."""
    means = kept_first(curves).unstack("visibility").reindex(columns=FRACTIONS).stack()
    cells = means[ORIGINAL].map("{:.2f}".format).groupby(["explainer", "obscurer"]).agg(" ".join)
    marked = [mark(text, *pair, those_unseen) for pair, text in cells.items()]
    rows = pd.Series(marked, cells.index).unstack().reindex(explainers)
    further = {"mean of all": means.drop(FRACTIONS[0], level="visibility").groupby("explainer").mean(), "leak": leak}
    rows = rows.assign(**{name: values.map("{:.3f}".format) for name, values in further.items()})
    return rows.fillna(NONE).to_markdown(disable_numparse=True)


def main() -> None:
    """Read the command line, print the table, write it where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--experiment", default="phantom-full", help="a folder of results/; default: %(default)s")
    parser.add_argument("--out", type=Path, help="a Markdown file to write as well")
    options = parser.parse_args()
    folder = Path("results") / options.experiment / "tables"
    missing = [name for name in TABLES if not (folder / f"{name}.parquet").is_file()]
    config = "config" if options.experiment == "phantom" else options.experiment.replace("-", "_")
    command = f"snakemake --cores 2 --configfile config/{config}.yaml"
    try:
        if missing:
            raise UserError(f"there is no {missing[0]}.parquet", file=folder, remedy=f"Make it with `{command}`")
        text = page(folder, options.experiment)
    except UserError as error:
        sys.exit(str(error))
    print(text)
    if options.out:
        with whole_file(options.out) as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
