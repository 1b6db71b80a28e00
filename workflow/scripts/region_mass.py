"""Divides the maps of one explainer among the regions."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.evaluation.region_mass import measure_mass

    files = {name: list(map(Path, paths)) for name, paths in snakemake.input.items()}
    measure_mass(snakemake.params.settings, snakemake.params.cases, files, Path(snakemake.output[0]))
