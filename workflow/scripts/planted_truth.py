"""Draws, as a map, what a segmenter needs in one phantom with a planted cue."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.data.planted.base import write_truth

    write_truth(Path(snakemake.output[0]), Path(snakemake.input[0]), snakemake.params.cue)
