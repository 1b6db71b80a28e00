"""Measures the noise scale of one explainer."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.evaluation.noise import TRIAL_FILES, measure_noise_scale

    measure_noise_scale(
        snakemake.params.settings,
        Path(snakemake.input.segmenter),
        snakemake.params.cases,
        {name: list(map(Path, snakemake.input[name])) for name in TRIAL_FILES},
        Path(snakemake.input.scale),
        {name: Path(path) for name, path in snakemake.output.items()},
        snakemake.config["compute"],
    )
