"""Trains one interpreter."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.training.interpreter import train_interpreter
    from unoise.training.slices import CaseFiles

    train_interpreter(
        snakemake.wildcards.model,
        snakemake.params.settings,
        snakemake.params.code,
        Path(snakemake.input.segmenter),
        CaseFiles.of("train", snakemake.params.training, snakemake.input),
        CaseFiles.of("validation", snakemake.params.validation, snakemake.input),
        Path(snakemake.params.state),
        {name: Path(path) for name, path in snakemake.output.items()},
        snakemake.config["compute"],
    )
