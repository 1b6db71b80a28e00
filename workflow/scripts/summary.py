"""Writes the page that a person reads first."""

import os
from pathlib import Path

from unoise.workflow.job import job

with job(snakemake):
    from unoise import tables
    from unoise.files import write_json
    from unoise.report.audit import audit_section
    from unoise.report.contests import contests_section
    from unoise.report.guarantee import guarantee_section
    from unoise.report.noise import noise_section
    from unoise.report.probe import probe_section
    from unoise.report.protocols import protocols_section
    from unoise.report.provenance import provenance, provenance_section
    from unoise.report.regions import regions_section
    from unoise.report.sanity import sanity_section
    from unoise.report.scores import scores_section
    from unoise.report.seams import seams_section
    from unoise.report.stability import stability_section
    from unoise.report.subgroups import subgroups_section
    from unoise.report.summary import write_summary
    from unoise.statistics.audit import audit

    out = Path(snakemake.output.page)
    settings, unit = snakemake.params.settings, snakemake.params.unit
    names = ("cases", "segmentation", "curves", "ranking", "leak", "rank_correlation", "costs")
    paper = [
        tables.read(snakemake.input[name], getattr(tables, name.upper()))
        for name in ("protocols", "runtime")
        if snakemake.params.paper
    ]
    read = {name: tables.read(snakemake.input[name], getattr(tables, name.upper())) for name in names}
    contests = [contests_section(tables.read(path, tables.CONTESTS), read["leak"]) for path in snakemake.input.contests]
    guarantee = [guarantee_section(tables.read(path, tables.GUARANTEE)) for path in snakemake.input.guarantee]
    probe = [probe_section(tables.read(path, tables.PROBE)) for path in snakemake.input.probe]
    stability = [
        stability_section(tables.read(path, tables.STABILITY), settings["explainers"])
        for path in snakemake.input.stability
    ]
    sanity = [tables.read(path, tables.SANITY) for path in snakemake.input.sanity]
    noise = [
        tables.read(path, schema)
        for path, schema in zip(snakemake.input.noise, (tables.NOISE, tables.NOISE_BINS), strict=False)
    ]
    seams = [seams_section(tables.read(path, tables.SEAMS)) for path in snakemake.input.seams]
    bootstrap = (settings["evaluation"]["resamples"], settings["seed"])
    regions = [
        tables.read(path, schema)
        for path, schema in zip(snakemake.input.regions, (tables.REGION_NECESSITY, tables.REGION_MASS), strict=False)
    ]
    subgroups = [subgroups_section(tables.read(path, tables.SUBGROUPS)) for path in snakemake.input.subgroups]
    scores = tables.read(snakemake.input.scores, tables.SCORES)
    origin = provenance(snakemake.config, read["cases"])
    write_json(snakemake.output.provenance, origin)
    figures = zip(snakemake.params.captions, snakemake.input.figures, strict=True)
    write_summary(
        out,
        experiment=snakemake.params.experiment,
        config=settings,
        judges=snakemake.params.judges,
        **read,
        sanity=next(iter(sanity), None),
        further={"Scores": scores_section(scores, settings["explainers"])}
        | ({"The published evaluation": protocols_section(*paper)} if paper else {})
        | ({"Rival by rival, where little is visible": contests[0]} if contests else {})
        | ({"A guarantee": guarantee[0]} if guarantee else {})
        | ({"Show or tell": probe[0]} if probe else {})
        | ({"Stability": stability[0]} if stability else {})
        | ({"Sanity": sanity_section(sanity[0], settings["explainers"])} if sanity else {})
        | ({"The noise that every voxel bears": noise_section(*noise)} if noise else {})
        | ({"Regions": regions_section(*regions, settings["regions"], *bootstrap, unit)} if regions else {})
        | ({"Forbidden regions": audit_section(audit(*regions, settings))} if settings["forbidden"]["regions"] else {})
        | ({"Subgroups": subgroups[0]} if subgroups else {})
        | ({"Seams": seams[0]} if seams else {})
        | {"Provenance": provenance_section(origin)},
        figures={caption: os.path.relpath(path, out.parent) for caption, path in figures},
        unit=unit,
    )
