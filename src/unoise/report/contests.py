"""The part of the summary in which one explainer meets every other, patient by patient."""

from collections.abc import Iterator

import pandas as pd

from unoise.report.markdown import NOT_DISTINGUISHABLE, count, escape, listed, number, p_value, table
from unoise.report.seen import NOTE, mark, unseen
from unoise.report.verdict import SIGNIFICANT, tells
from unoise.statistics.contests import AT
from unoise.statistics.intervals import ENOUGH_PATIENTS
from unoise.statistics.leak import map_leaks

_INTRO = (
    "The area under agreement, kept first, where 1 to 10 % is visible, minus the rival's on the same patient, mean "
    "over the test patients. The table shows the rival that comes nearest, or is ahead, with p (bootstrap over "
    "patients, two-sided, corrected for the number of rivals by Holm's method)."
)


def contests_section(contests: pd.DataFrame, leak: pd.DataFrame) -> list[str]:
    """Say against whom an explainer is better, where it fares worst, and show the hardest rival of each cell.

    Parameters
    ----------
    contests, leak
        Rows of the tables of these names.

    Returns
    -------
    list of str
        Paragraphs and tables in Markdown.
    """
    if contests.empty:
        return ["Nothing could be compared: no test patient could be scored, or there is no rival."]
    parts, leaks = [_INTRO], map_leaks(leak)
    for (target, explainer), own in contests.groupby(["target", "explainer"], sort=True):
        enough = own["patients"].max() >= ENOUGH_PATIENTS
        said = _won(own) if enough else f"Fewer than {ENOUGH_PATIENTS} test patients are too few for such p-values."
        told = " By their shape its masks tell where the organ is: it is not ranked."
        told *= tells(leaks.get(target, {}), explainer)
        parts += [f"**{escape(explainer)}, {escape(target)}.** {said}{_worst(own)}{told}", _hardest(own, enough)]
    return [*parts, NOTE] if unseen(contests) else parts


def _won(own: pd.DataFrame) -> str:
    """Say how many rivals it beats, and under which obscurers and judges all of them."""
    won = (own["difference"] > 0) & (own["p"] < SIGNIFICANT)
    rivals = count(own["rival"].nunique(), "rival")
    said = f"It is better (adjusted p < {SIGNIFICANT}) in {won.sum()} of {len(own)} contests with {rivals}: "
    share = won.groupby([own["obscurer"], own["judge"]]).agg(["sum", "size"])
    against = {
        "than all of them under": share[share["sum"] == share["size"]],
        "than some under": share[(share["sum"] > 0) & (share["sum"] < share["size"])],
        "than none under": share[share["sum"] == 0],
    }
    judges = own["judge"].nunique()
    named = [f"{how} {', '.join(_cells(cells, judges))}" for how, cells in against.items() if len(cells)]
    return said + "; ".join(named) + "."


def _cells(cells: pd.DataFrame, judges: int) -> Iterator[str]:
    """As "mean", "donor (original, other)": obscurers, with the judges where these are not all."""
    for obscurer, group in cells.groupby("obscurer", sort=True):
        named = listed(group.index.get_level_values("judge"))
        yield escape(obscurer) + f" ({named})" * (len(group) < judges)


def _worst(own: pd.DataFrame) -> str:
    """Say where the mean agreement is furthest below a rival's, or least above it."""
    cell = own.dropna(subset="smallest").nsmallest(1, "smallest")
    if cell.empty:
        return ""
    row = cell.iloc[0]
    percent = row[list(AT.values())].astype(float).idxmin().removeprefix("at_")
    return (
        f" Its worst cell: agreement {row['smallest']:+.3f} against {escape(row['rival'])} at {percent} % visible, "
        f"hidden by {escape(row['obscurer'])}, judged by {escape(row['judge'])}."
    )


def _hardest(own: pd.DataFrame, with_p: bool) -> str:
    """A row an obscurer, a column a judge; in the cells the rival with the smallest difference."""
    hardest = own.sort_values("difference", kind="stable").drop_duplicates(["obscurer", "judge"])
    cells = hardest.set_index(["obscurer", "judge"])
    those = unseen(own)
    rows = []
    for obscurer in sorted(set(own["obscurer"])):
        row = {"obscurer": mark(escape(obscurer), own["explainer"].iloc[0], obscurer, those)}
        for judge in sorted(set(own["judge"])):
            one = cells.loc[(obscurer, judge)] if (obscurer, judge) in cells.index else None
            row[f"judged by {escape(judge)}"] = "-" if one is None else _cell(one, with_p)
        rows.append(row)
    return table(rows)


def _cell(one: pd.Series, with_p: bool) -> str:
    chance = f", p {p_value(one['p'])}" if with_p else f", {NOT_DISTINGUISHABLE}"
    return f"{number(one['difference'], '+.3f')}{chance} ({escape(one['rival'])})"
