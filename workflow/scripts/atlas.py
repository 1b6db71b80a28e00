"""Makes the atlas of a target."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.explainers._atlas import write_atlas

    write_atlas(
        snakemake.params.settings,
        snakemake.params.cases,
        [Path(path) for path in snakemake.input.image],
        [Path(path) for path in snakemake.input.label],
        snakemake.params.dims,
        Path(snakemake.output[0]),
    )
