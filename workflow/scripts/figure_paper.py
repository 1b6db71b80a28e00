"""Draws Figures 1 and 2 of the paper from our table."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.report.paper_figures import draw_paper_curves, draw_paper_sizes

    rows = tables.read(snakemake.input[0], tables.PAPER_PROTOCOL)
    rows = rows[(rows.target == snakemake.wildcards.target) & (rows.protocol == snakemake.params.protocol)]
    draw_paper_curves(rows, Path(snakemake.output.curves), experiment=snakemake.params.experiment)
    draw_paper_sizes(rows, Path(snakemake.output.sizes), experiment=snakemake.params.experiment)
