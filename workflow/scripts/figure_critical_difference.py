"""Draws which explanations of one target differ, by their ranks."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.report.critical_difference import draw_critical_difference
    from unoise.statistics.curves import areas

    curves = tables.read(snakemake.input[0], tables.CURVES)
    draw_critical_difference(areas(curves[curves.target == snakemake.wildcards.target]), Path(snakemake.output[0]))
