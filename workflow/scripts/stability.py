"""Compares the maps of one explainer whose interpreter was trained several times."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.evaluation.shown import FILES
    from unoise.evaluation.stability import measure_stability

    measure_stability(
        snakemake.params.settings,
        Path(snakemake.input.segmenter),
        list(map(Path, snakemake.input.interpreters)),
        snakemake.params.cases,
        {name: list(map(Path, snakemake.input[name])) for name in FILES},
        Path(snakemake.output[0]),
        snakemake.config["compute"],
    )
