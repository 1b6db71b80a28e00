"""Draws agreement or Dice against visibility for one target."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.report.figures import draw_curves

    curves = tables.read(snakemake.input[0], tables.CURVES)
    draw_curves(
        curves[curves.target == snakemake.wildcards.target],
        Path(snakemake.output[0]),
        snakemake.wildcards.value,
        experiment=snakemake.params.experiment,
        resamples=snakemake.params.resamples,
        seed=snakemake.params.seed,
    )
