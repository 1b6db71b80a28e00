"""Draws agreement or Dice against visibility for one target."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.report.curves_figure import draw_curves

    value, judge = snakemake.params.shown
    curves = tables.read(snakemake.input[0], tables.CURVES)
    draw_curves(
        curves[(curves.target == snakemake.wildcards.target) & (curves.judge == judge)],
        Path(snakemake.output[0]),
        value,
        experiment=snakemake.params.experiment,
        resamples=snakemake.params.resamples,
        seed=snakemake.params.seed,
    )
