"""Draws what each explainer cost."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.report.figures import draw_costs

    draw_costs(tables.read(snakemake.input[0], tables.COSTS), Path(snakemake.output[0]), snakemake.params.unit)
