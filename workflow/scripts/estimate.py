"""Says what the run will take on this machine and data."""

from pathlib import Path

from unoise.workflow.job import LOGGER, job

with job(snakemake):
    from unoise.estimate import estimate_run
    from unoise.files import whole_file
    from unoise.workflow.plan import Plan

    text = estimate_run(Plan(snakemake.config, Path()))
    with whole_file(snakemake.output[0]) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    for line in text.splitlines():
        LOGGER.info(line)
