"""Draws how the trainings went."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.report.figures import draw_history

    histories = tables.read(snakemake.input, tables.HISTORY)
    draw_history(dict(list(histories.groupby("model", sort=False))), Path(snakemake.output[0]))
