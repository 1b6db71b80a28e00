"""Makes one phantom patient with a planted cue."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.data.planted.base import write_case

    write_case(
        Path(snakemake.output.image),
        Path(snakemake.output.label),
        snakemake.params.cue,
        snakemake.params.seed,
        int(snakemake.wildcards.case.rsplit("_", 1)[1]),
    )
