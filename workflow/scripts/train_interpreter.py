"""Trains one interpreter."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.training.assignment import Assignment
    from unoise.training.interpreter import train_interpreter

    train_interpreter(Assignment.of(snakemake), Path(snakemake.input.segmenter))
