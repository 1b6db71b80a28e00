"""Finds from which visibility the loss of agreement is bounded."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    import pandas as pd

    from unoise import tables
    from unoise.statistics.curves import patient_curves
    from unoise.statistics.guarantee import guarantees

    params = snakemake.params
    calibration = patient_curves(tables.read(snakemake.input.calibration, tables.METRICS))
    curves = pd.concat([calibration, tables.read(snakemake.input.curves, tables.CURVES)])
    tables.write(Path(snakemake.output[0]), tables.GUARANTEE, guarantees(curves, params.explainers, params.tolerance))
