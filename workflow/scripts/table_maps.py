"""Measures how concentrated the maps are."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.evaluation.map_shape import map_rows

    rows = map_rows(snakemake.params.maps, list(map(Path, snakemake.input)), snakemake.params.dims)
    tables.write(Path(snakemake.output[0]), tables.MAPS, rows)
