"""Measures how far the windows of 3D networks show in the maps."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.evaluation.seams import seam_rows

    rows = seam_rows(snakemake.params.maps, list(map(Path, snakemake.input)), snakemake.params.windows)
    tables.write(Path(snakemake.output[0]), tables.SEAMS, rows)
