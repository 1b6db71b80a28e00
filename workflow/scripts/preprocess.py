"""Brings one case to the common grid."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.data.preprocess import preprocess_case

    preprocess_case(
        snakemake.wildcards.case,
        Path(snakemake.input.image),
        Path(snakemake.input.label),
        snakemake.params.values,
        snakemake.params.settings,
        snakemake.params.classes,
        {name: Path(path) for name, path in snakemake.output.items()},
    )
