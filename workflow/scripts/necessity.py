"""Hides one region after the other, for the cases of a batch."""

from unoise.workflow.job import for_each_case, job

with job(snakemake):
    from unoise.evaluation.necessity import NecessityCases

    for_each_case(
        snakemake,
        lambda judges: NecessityCases(snakemake.params.settings, judges, snakemake.config["compute"]),
    )
