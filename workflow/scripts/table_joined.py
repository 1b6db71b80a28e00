"""Joins tables of one schema, in the order of the inputs."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables

    schema = getattr(tables, snakemake.params.schema)
    tables.write(Path(snakemake.output[0]), schema, tables.read(snakemake.input, schema))
