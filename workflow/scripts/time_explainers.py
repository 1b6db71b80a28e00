"""Times every explainer on single slices."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.evaluation.runtime import FILES, time_explainers

    atlas = snakemake.input.get("atlas")
    time_explainers(
        snakemake.params.settings,
        Path(snakemake.input.segmenter),
        dict(zip(snakemake.params.interpreted, map(Path, snakemake.input.interpreters), strict=True)),
        [Path(path) for name, path in snakemake.input.items() if name.startswith("reference_")],
        Path(atlas) if atlas else None,
        snakemake.params.cases,
        {name: list(map(Path, files)) for name, files in snakemake.input.items() if name in FILES},
        Path(snakemake.output[0]),
        snakemake.config["compute"],
    )
