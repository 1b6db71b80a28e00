"""U-Noise: which parts of a scan did a segmentation network need? See README.md; stage targets are at the end."""

from snakemake.utils import min_version

min_version("9.27")

if not workflow.configfiles:

    configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/estimate.smk"
include: "workflow/rules/dataset.smk"
include: "workflow/rules/preprocess.smk"
include: "workflow/rules/segmenter.smk"
include: "workflow/rules/interpreter.smk"
include: "workflow/rules/explain.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/leak.smk"
include: "workflow/rules/probe.smk"
include: "workflow/rules/stability.smk"
include: "workflow/rules/noise.smk"
include: "workflow/rules/seams.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/scores.smk"
include: "workflow/rules/regions.smk"
include: "workflow/rules/truth.smk"
include: "workflow/rules/sanity.smk"
include: "workflow/rules/guarantee.smk"
include: "workflow/rules/paper.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/scripts.smk"


onstart:
    try:
        hold(Path(".snakemake", f"{config['experiment']}.run"))
    except UserError as error:
        raise WorkflowError(str(error)) from None
    for sentence in PLAN.shortages():
        logger.warning(sentence)
    # With a limit, every job started leaves a timer that wakes the scheduler for good: 200 jobs took a quarter of a core.
    workflow.scheduler.job_rate_limiter = None


onerror:
    said = go_on(PLAN, workflow)
    if said:
        logger.warning(said)


onsuccess:
    if config["leave_out"]["failed"]:
        logger.warning(
            f"Done without what failed; {ROOT}/summary.md says what, and why. "
            "Mend it and run again: only what failed, and what depends on it, is computed."
        )


rule all:
    default_target: True
    input:
        rules.estimate.output if not config["leave_out"]["failed"] else [],
        rules.summary.output,
        PLAN.noise_scales,
        PLAN.truth_tables,
        PLAN.intervention_tables,
        **({"index": rules.phantom_index.output} if PLAN.is_phantom else {}),
    localrule: True


rule dataset:
    input:
        [PLAN.source(case, kind) for case in PLAN.ids() for kind in ("image", "label")],
    localrule: True


rule preprocessed:
    input:
        expand(f"{ROOT}/{paths.IMAGE}", case=PLAN.ids()),
    localrule: True


rule segmenter:
    input:
        SEGMENTER,
        rules.table_segmentation.output,
    localrule: True


rule interpreters:
    input:
        expand(f"{ROOT}/{paths.WEIGHTS}", model=PLAN.interpreters),
    localrule: True


rule explanations:
    input:
        PLAN.explained(paths.COSTS),
    localrule: True


rule evaluation:
    input:
        rules.table_ranking.output,
        rules.table_scores.output,
        rules.table_rank_correlation.output,
        rules.table_leak.output,
        PLAN.contest_tables,
        PLAN.guarantee_tables,
        PLAN.probe_tables,
        PLAN.stability_tables,
        PLAN.region_tables,
        PLAN.subgroup_tables,
        PLAN.truth_tables,
        PLAN.intervention_tables,
        PLAN.sanity_tables,
    localrule: True
