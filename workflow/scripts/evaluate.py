"""Evaluates the maps of one explainer for the cases of a batch."""

from unoise.workflow.job import for_each_case, job

with job(snakemake):
    from unoise.evaluation.evaluate import EvaluateCases

    for_each_case(
        snakemake,
        lambda judges: EvaluateCases(snakemake.params.settings, judges, snakemake.config["compute"]),
    )
