"""Brings one case to the common grid."""

import json
from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.data.preprocess import preprocess_case

    settings = dict(snakemake.params.settings)
    if "window" in snakemake.input.keys():  # noqa: SIM118 (a Namedlist)
        settings["window"] = json.loads(Path(snakemake.input.window).read_text(encoding="utf-8"))
    preprocess_case(
        snakemake.wildcards.case,
        Path(snakemake.input.image),
        Path(snakemake.input.label),
        snakemake.params.values,
        snakemake.params.slices,
        settings,
        snakemake.params.classes,
        {name: Path(path) for name, path in snakemake.output.items()},
    )
