"""Fits the noise scale of one explainer."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.evaluation.noise import TRIAL_FILES, write_fitted_scale

    write_fitted_scale(
        snakemake.params.settings,
        Path(snakemake.input.segmenter),
        snakemake.params.cases,
        {name: list(map(Path, snakemake.input[name])) for name in TRIAL_FILES},
        Path(snakemake.output[0]),
        snakemake.config["compute"],
    )
