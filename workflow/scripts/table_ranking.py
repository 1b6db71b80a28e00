"""Ranks the explainers."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.statistics.curves import areas
    from unoise.statistics.ranking import ranking
    from unoise.statistics.seen import mark_seen

    curves = tables.read(snakemake.input[0], tables.CURVES)
    ranked = ranking(areas(curves), snakemake.params.resamples, snakemake.params.seed)
    tables.write(Path(snakemake.output[0]), tables.RANKING, mark_seen(ranked, snakemake.params.trained_with))
