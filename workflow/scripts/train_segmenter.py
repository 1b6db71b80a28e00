"""Trains one segmentation network."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.training.assignment import Assignment
    from unoise.training.beforehand import check_networks
    from unoise.training.segmenter import train_segmenter

    check_networks(snakemake.config)
    train_segmenter(Assignment.of(snakemake), Path(snakemake.input.source))
