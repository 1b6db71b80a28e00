"""Writes the range of values of the whole dataset."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.data.preprocess import dataset_window
    from unoise.files import write_json

    write_json(snakemake.output[0], dataset_window(map(Path, snakemake.input), snakemake.params.stride))
