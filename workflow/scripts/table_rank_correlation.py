"""Correlates the ranking under each two obscurers."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.statistics.rank_correlation import rank_correlations

    found = rank_correlations(tables.read(snakemake.input[0], tables.RANKING))
    tables.write(Path(snakemake.output[0]), tables.RANK_CORRELATION, found)
