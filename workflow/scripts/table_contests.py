"""Compares explainers patient by patient."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.statistics.contests import contests
    from unoise.statistics.seen import mark_seen

    params = snakemake.params
    curves = tables.read(snakemake.input[0], tables.CURVES)
    compared = contests(curves, params.explainers, params.resamples, params.seed)
    tables.write(Path(snakemake.output[0]), tables.CONTESTS, mark_seen(compared, params.trained_with))
