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
    cases = [case for case in read_manifest(Path(snakemake.input.manifest)) if case.id in snakemake.params.cases]
    schema = tables.with_subgroups(tables.CASES, [name for name, _ in cases[0].subgroups])
    tables.write(Path(snakemake.output[0]), schema, describe_cases(cases, snakemake.params.classes, **files))
