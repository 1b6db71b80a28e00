"""Makes the maps of one explainer for the cases of a batch."""

from unoise.workflow.job import for_each_case, job

with job(snakemake):
    from unoise.explainers.base import ExplainCases

    for_each_case(
        snakemake,
        lambda inputs: ExplainCases(
            settings=snakemake.params.settings,
            segmenter=inputs["segmenter"],
            interpreter=inputs.get("interpreter"),
            references=[path for name, path in inputs.items() if name.startswith("reference_")],
            atlas=inputs.get("atlas"),
            compute=snakemake.config["compute"],
        ),
        keep=snakemake.config["compute"]["keep_maps"] == "all",
    )
