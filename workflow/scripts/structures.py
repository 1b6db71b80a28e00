"""Brings all structures of one case, and what is found beside the patient, to the common grid."""

from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise.data.structures import structures_case

    image, label, body = (Path(snakemake.input[name]) for name in ("image", "label", "body"))
    out = {name: Path(path) for name, path in snakemake.output.items()}
    structures_case(snakemake.wildcards.case, image, label, body, out)
