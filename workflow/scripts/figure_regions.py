"""Draws what the segmenter needs and where the maps look, for one target."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.report.regions_figure import draw_regions

    params, target = snakemake.params, snakemake.wildcards.target
    necessity = tables.read(snakemake.input.necessity, tables.REGION_NECESSITY)
    mass = tables.read(snakemake.input.mass, tables.REGION_MASS)
    own = [table[table.target == target] for table in (necessity, mass)]
    draw_regions(*own, params.resamples, params.seed, Path(snakemake.output[0]))
