"""Forbidden regions, for the summary and for the command `unoise audit`."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from unoise import tables
from unoise.errors import UserError
from unoise.report.markdown import count, escape, interval, number, table
from unoise.statistics.audit import audit
from unoise.workflow.plan import Plan

_AUDIT = (
    "Regions that the segmenter must not need and the maps must not point at; each passes where the mean over the "
    "test patients who show it is within the limit. The largest value is that of a single patient."
)


def audit_section(judged: pd.DataFrame) -> list[str]:
    """Show which forbidden regions pass.

    Parameters
    ----------
    judged
        From `unoise.statistics.audit.audit`.

    Returns
    -------
    list of str
        Paragraphs and a table in Markdown.
    """
    failed = (~judged["passed"]).sum()
    said = "**All pass.**" if not failed else f"**{failed} of {len(judged)} do not pass.**"
    rows = [
        {
            "target": escape(row.target),
            "region": escape(row.region),
            "asked": escape(row.asked),
            "mean": interval(row.mean, row.low, row.high),
            "largest": number(row.largest, ".3f"),
            "limit": f"{row.limit:g}",
            "patients": row.patients,
            "verdict": row.verdict,
        }
        for row in judged.itertuples()
    ]
    return [f"{_AUDIT} {said}", table(rows)]


def read_verdicts(plan: Plan) -> pd.DataFrame:
    """Judge the forbidden regions of a run by its tables and the limits that the config has now.

    Raises
    ------
    UserError
        If no region is forbidden, the tables are not there, or they are of another model or of other patients.
    """
    if not plan.config["forbidden"]["regions"]:
        raise UserError(
            f"the config of {plan.experiment} forbids no region", remedy="Name some under `forbidden: {regions: […]}`"
        )
    read = []
    for path, schema in zip(map(Path, plan.region_tables), (tables.REGION_NECESSITY, tables.REGION_MASS), strict=True):
        if not path.is_file():
            raise UserError("this table is not there", file=path, remedy="Run the experiment first (snakemake)")
        found = tables.read(path, schema)
        if not set(found["model"]) <= {plan.segmenter} or not set(found["patient"]) <= set(plan.test_patients.values()):
            raise UserError("it is of another model or of other patients", file=path, remedy="Run the experiment again")
        read.append(found)
    return audit(*read, plan.config)


def verdict_lines(judged: pd.DataFrame) -> Iterator[str]:
    """A line a forbidden region and question, and one that sums them up, as plain text."""
    for row in judged.itertuples():
        value = interval(row.mean, row.low, row.high) if row.patients else "-"
        yield (
            f"{row.verdict:9s} {row.target}: {row.region}: {row.asked}: {value}, limit {row.limit:g}, "
            f"{count(row.patients, 'patient')}"
        )
    failed = (~judged["passed"]).sum()
    yield "all pass" if not failed else f"{failed} of {len(judged)} do not pass"
