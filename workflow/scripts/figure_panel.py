"""Draws the maps of all explainers for a few test cases."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.report.panel import draw_panel
    from unoise.report.selection import panel_row

    files = snakemake.input
    rows = [
        panel_row(
            case,
            *(Path(files[kind][number]) for kind in ("image", "label", "prediction")),
            {explainer: Path(files[explainer][number]) for explainer in snakemake.params.explainers},
            snakemake.params.channel,
        )
        for number, case in enumerate(snakemake.params.cases)
    ]
    draw_panel(rows, Path(snakemake.output[0]))
