"""Gives a copy of the segmenter random weights."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.networks.randomise import randomise

    randomise(
        snakemake.params.settings,
        Path(snakemake.input[0]),
        {name: Path(path) for name, path in snakemake.output.items()},
        snakemake.config["compute"],
    )
