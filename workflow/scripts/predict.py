"""Segments the cases of a batch."""

from unoise.workflow.job import for_each_case, job

with job(snakemake):
    from unoise.networks.predict import PredictCases

    for_each_case(
        snakemake,
        lambda inputs: PredictCases(
            snakemake.params.settings["model"], inputs["segmenter"], snakemake.config["compute"]
        ),
    )
