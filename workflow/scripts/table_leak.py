"""Pools by patient what masks tell by their shape."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.statistics.leak import patient_leaks

    counts = tables.read(snakemake.input, tables.LEAK_COUNTS)
    tables.write(Path(snakemake.output[0]), tables.LEAK, patient_leaks(counts))
