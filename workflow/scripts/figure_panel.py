"""Draws the maps of all explainers for a few test cases."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.report.panel import draw_panel
    from unoise.report.selection import panel_row

    files, cases = snakemake.input, snakemake.params.cases
    rows = [
        panel_row(
            case,
            *(Path(files[kind][number]) for kind in ("image", "label", "prediction")),
            dict(zip(snakemake.params.explainers, map(Path, files.maps[number :: len(cases)]), strict=True)),
            snakemake.params.settings,
            snakemake.params.dims,
        )
        for number, case in enumerate(cases)
    ]
    draw_panel(rows, Path(snakemake.output[0]), snakemake.params.unit)
