"""Evaluates the maps of one explainer as published."""

import json
from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.evaluation.paper_protocol import evaluate_paper_protocols

    evaluate_paper_protocols(
        snakemake.params.settings,
        Path(snakemake.input.segmenter),
        snakemake.params.cases,
        {name: list(map(Path, snakemake.input[name])) for name in ("image", "label", "map")},
        next((json.loads(Path(card).read_text(encoding="utf-8")) for card in snakemake.input.card), {}),
        Path(snakemake.output[0]),
        snakemake.config["compute"],
    )
