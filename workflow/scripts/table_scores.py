"""Gathers every score of every explanation."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.statistics.scores import scores

    params, names = snakemake.params, ("curves", "leak", "maps", "faithfulness", "costs")
    read = [tables.read(snakemake.input.get(name), getattr(tables, name.upper())) for name in names]
    found = scores(*read, params.patients, params.resamples, params.seed)
    tables.write(Path(snakemake.output[0]), tables.SCORES, found)
