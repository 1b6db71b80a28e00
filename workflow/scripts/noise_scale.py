"""Writes the noise scale of the cases of a batch."""

from unoise.workflow.job import for_each_case, job

with job(snakemake):
    from unoise.evaluation.noise import NoiseScaleCases

    for_each_case(snakemake, lambda inputs: NoiseScaleCases(scale=inputs["scale"], **snakemake.params.settings))
