"""Correlates the ranking under each two obscurers."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.statistics.rank_agreement import rank_agreement

    found = rank_agreement(tables.read(snakemake.input[0], tables.RANKING))
    tables.write(Path(snakemake.output[0]), tables.AGREEMENT_OF_RANKS, found)
