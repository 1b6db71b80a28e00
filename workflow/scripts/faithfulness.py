"""Measures infidelity and sensitivity of one explainer."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.evaluation.faithfulness import measure_faithfulness
    from unoise.evaluation.shown import FILES

    interpreter, atlas = (snakemake.input.get(name) for name in ("interpreter", "atlas"))
    measure_faithfulness(
        snakemake.params.settings,
        Path(snakemake.input.segmenter),
        Path(interpreter) if interpreter else None,
        [Path(path) for name, path in snakemake.input.items() if name.startswith("reference_")],
        Path(atlas) if atlas else None,
        snakemake.params.cases,
        {name: list(map(Path, files)) for name, files in snakemake.input.items() if name in (*FILES, "structures")},
        Path(snakemake.output[0]),
        snakemake.config["compute"],
    )
