"""Writes the `dataset.json` of the phantoms."""

from unoise.workflow.job import job

with job(snakemake):
    from unoise.data.phantom import dataset_json
    from unoise.files import write_json

    write_json(snakemake.output[0], dataset_json(snakemake.params.cases, snakemake.params.labels))
