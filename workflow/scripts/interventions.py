"""Changes the planted cue in the test cases and looks at the segmenter's answer."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.evaluation.interventions import FILES, measure_interventions

    measure_interventions(
        snakemake.params.settings,
        Path(snakemake.input.segmenter),
        snakemake.params.cases,
        {name: list(map(Path, snakemake.input[name])) for name in FILES},
        Path(snakemake.output[0]),
        snakemake.config["compute"],
    )
