"""Describes all cases in one table."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.data.census import describe_cases
    from unoise.workflow.manifest import read_manifest

    files = {
        name: list(map(Path, snakemake.input[name])) for name in ("scans", "annotations", "labels", "bodies", "sources")
    }
    rows = describe_cases(read_manifest(Path(snakemake.input.manifest)), snakemake.params.classes, **files)
    tables.write(Path(snakemake.output[0]), tables.CASES, rows)
