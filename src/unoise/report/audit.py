"""Forbidden regions, for the summary and for the command `unoise audit`."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from unoise import tables
from unoise.errors import UserError
from unoise.report.markdown import count, escape, interval, number, table
from unoise.statistics.audit import audit

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


def read_verdicts(config: dict, necessity: Path, mass: Path, model: str, patients: set[str]) -> pd.DataFrame:
    """Judge the forbidden regions of a run by its tables and the limits that the config has now.

    Parameters
    ----------
    config
        A completed config that forbids some region.
    necessity, mass
        The tables `region_necessity` and `region_mass`.
    model, patients
        The segmenter, and the test patients, that they must be of.

    Returns
    -------
    DataFrame
        From `unoise.statistics.audit.audit`.

    Raises
    ------
    UserError
        If a table is not there, or of another model or of other patients.
    """
    read = []
    for path, schema in ((necessity, tables.REGION_NECESSITY), (mass, tables.REGION_MASS)):
        if not path.is_file():
            raise UserError("this table is not there", file=path, remedy="Run the experiment first (snakemake)")
        found = tables.read(path, schema)
        if not set(found["model"]) <= {model} or not set(found["patient"]) <= patients:
            raise UserError("it is of another model or of other patients", file=path, remedy="Run the experiment again")
        read.append(found)
    return audit(*read, config)


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
