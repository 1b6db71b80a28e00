"""Pools by patient what each region is needed for."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.statistics.regions import patient_necessity

    counts = tables.read(snakemake.input, tables.REGION_COUNTS)
    tables.write(Path(snakemake.output[0]), tables.REGION_NECESSITY, patient_necessity(counts))
