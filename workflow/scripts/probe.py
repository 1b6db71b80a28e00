"""Trains and measures the probe of one explainer."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.evaluation.probe import measure_probe

    measure_probe(
        snakemake.params.settings,
        snakemake.params.cases,
        {name: list(map(Path, paths)) for name, paths in snakemake.input.items()},
        Path(snakemake.output[0]),
        snakemake.config["compute"],
    )
