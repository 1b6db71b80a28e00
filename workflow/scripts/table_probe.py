"""Pools by patient what the probes find."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.statistics.probe import patient_probes

    counts = tables.read(snakemake.input, tables.LEAK_COUNTS)
    tables.write(Path(snakemake.output[0]), tables.PROBE, patient_probes(counts))
