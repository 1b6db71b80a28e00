"""Trains the segmenter."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.training.segmenter import train_segmenter
    from unoise.training.slices import CaseFiles

    train_segmenter(
        snakemake.params.model,
        snakemake.params.settings,
        snakemake.params.code,
        CaseFiles.of("train", snakemake.params.training, snakemake.input),
        CaseFiles.of("validation", snakemake.params.validation, snakemake.input),
        Path(snakemake.params.state),
        {name: Path(path) for name, path in snakemake.output.items()},
        snakemake.config["compute"],
    )
