"""Compares the maps of all explainers with what the segmenter is known to need."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.evaluation.shown import FILES
    from unoise.evaluation.truth import measure_truth

    cases, explainers = snakemake.params.cases, snakemake.params.explainers
    maps = map(Path, snakemake.input.maps)
    measure_truth(
        snakemake.params.settings,
        Path(snakemake.input.segmenter),
        cases,
        {name: list(map(Path, snakemake.input[name])) for name in FILES},
        {explainer: [next(maps) for _ in cases] for explainer in explainers},
        Path(snakemake.output[0]),
        snakemake.config["compute"],
    )
