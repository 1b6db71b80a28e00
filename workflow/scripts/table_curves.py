"""Pools voxel counts into one curve a patient."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.statistics.curves import patient_curves

    metrics = tables.read(snakemake.input, tables.METRICS)
    tables.write(Path(snakemake.output[0]), tables.CURVES, patient_curves(metrics))
