"""Sets the published evaluation beside ours."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.statistics.protocols import compare_protocols

    published = tables.read(snakemake.input.published, tables.PAPER_PROTOCOL)
    curves = tables.read(snakemake.input.curves, tables.CURVES)
    tables.write(Path(snakemake.output[0]), tables.PROTOCOLS, compare_protocols(published, curves))
