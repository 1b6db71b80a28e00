"""The part of the summary with the scores by scanner, phase, sex, or what else the manifest says of a case."""

import pandas as pd

from unoise.report.figures import in_order
from unoise.report.markdown import count, escape, interval, table
from unoise.workflow.names import ORIGINAL

_INTRO = (
    "By the further columns of the manifest: area under the agreement curve, kept first, judged by the segmenter "
    "itself (95 % interval over patients). Subgroups differ in more than the column says, and small ones say little; "
    "`tables/subgroups.parquet` has the other scores and judges."
)


def subgroups_section(subgroups: pd.DataFrame) -> list[str]:
    """Show the area of each explanation by subgroup.

    Parameters
    ----------
    subgroups
        Rows of `tables.SUBGROUPS`.

    Returns
    -------
    list of str
        Paragraphs and tables in Markdown.
    """
    parts = [_INTRO]
    own = subgroups[(subgroups["judge"] == ORIGINAL) & (subgroups["score"] == "kept_first_area")]
    for (target, column, obscurer), group in own.groupby(["target", "subgroup", "obscurer"], sort=True):
        parts += [f"**{escape(target)} by {escape(column)}, hidden by {escape(obscurer)}**", _table(group)]
    return parts


def _table(group: pd.DataFrame) -> str:
    """A row an explainer, a column a value."""
    group = group.assign(value=group["value"].fillna("not given"))
    sizes = group.groupby("value")["patients"].max()
    cells = {(row.explainer, row.value): interval(row.mean, row.low, row.high) for row in group.itertuples()}
    return table(
        [
            {"explainer": escape(explainer)}
            | {
                f"{escape(value)} ({count(size, 'patient')})": cells.get((explainer, value), "-")
                for value, size in sizes.items()
            }
            for explainer in in_order(group["explainer"])
        ]
    )
