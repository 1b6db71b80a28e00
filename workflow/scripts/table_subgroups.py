"""Scores the explanations by subgroup."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.statistics.subgroups import subgroup_scores

    params = snakemake.params
    metrics = tables.read(snakemake.input, tables.METRICS)
    found = subgroup_scores(metrics, params.subgroups, params.resamples, params.seed)
    tables.write(Path(snakemake.output[0]), tables.SUBGROUPS, found)
