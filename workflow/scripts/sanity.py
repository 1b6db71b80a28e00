"""Compares the maps of one explainer with those of segmenters that have not learned the same."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.evaluation.sanity import CHECKS, measure_sanity
    from unoise.evaluation.shown import FILES

    inputs = dict(snakemake.input.items())
    atlas = inputs.get("atlas")
    measure_sanity(
        snakemake.params.settings,
        Path(inputs["segmenter"]),
        {check: Path(inputs[check]) for check in CHECKS if check in inputs},
        {check: Path(inputs[f"interpreter_{check}"]) for check in CHECKS if f"interpreter_{check}" in inputs},
        [Path(path) for name, path in inputs.items() if name.startswith("reference_")],
        Path(atlas) if atlas else None,
        snakemake.params.cases,
        {name: list(map(Path, inputs[name])) for name in (*FILES, "body", "structures") if name in inputs},
        Path(snakemake.output[0]),
        snakemake.config["compute"],
    )
