"""Draws how alike maps stay when the segmenter's weights become random."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.report.sanity_figure import draw_sanity

    sanity = tables.read(snakemake.input[0], tables.SANITY)
    draw_sanity(sanity[sanity.target == snakemake.wildcards.target], Path(snakemake.output[0]))
