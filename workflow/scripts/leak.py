"""Counts what the masks of one explainer tell by their shape, for the cases of a batch."""

from unoise.workflow.job import for_each_case, job

with job(snakemake):
    from unoise.evaluation.leak import LeakCases

    for_each_case(
        snakemake,
        lambda judges: LeakCases(snakemake.params.settings, judges, snakemake.config["compute"]),
    )
