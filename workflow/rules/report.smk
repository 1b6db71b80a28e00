"""Needs: the tables, and maps of a few test cases. Makes: the figures, and the page that a person reads first."""


rule figure_curves:
    input:
        rules.table_curves.output,
    output:
        f"{ROOT}/figures/{{target}}/{{figure}}.png",
    log:
        f"{LOGS}/figures/{{target}}/{{figure}}.log",
    wildcard_constraints:
        figure="|".join(PLAN.curve_figures),
    conda:
        "../../envs/unoise.yaml"
    params:
        shown=lambda wildcards: PLAN.curve_figures[wildcards.figure],
        experiment=PLAN.experiment,
        resamples=config["evaluation"]["resamples"],
        seed=config["seed"],
        code=code_digest("unoise.report.curves_figure"),
    message:
        "Drawing {wildcards.figure} against visibility"
    script:
        "../scripts/figure_curves.py"


rule figure_critical_difference:
    input:
        rules.table_curves.output,
    output:
        f"{ROOT}/figures/{{target}}/critical_difference.png",
    log:
        f"{LOGS}/figures/{{target}}/critical_difference.log",
    conda:
        "../../envs/unoise.yaml"
    params:
        code=code_digest("unoise.report.critical_difference"),
    message:
        "Drawing which explanations differ"
    script:
        "../scripts/figure_critical_difference.py"


rule figure_panel:
    input:
        image=expand(f"{ROOT}/{paths.IMAGE}", case=PLAN.shown_cases),
        label=expand(f"{ROOT}/{paths.LABEL}", case=PLAN.shown_cases),
        prediction=expand(
            f"{ROOT}/{paths.PREDICTION}", model=PLAN.segmenter, case=PLAN.shown_cases
        ),
        maps=expand(
            f"{ROOT}/{paths.MAP}",
            volume="importance",
            model=PLAN.segmenter,
            explainer=config["explainers"],
            case=PLAN.shown_cases,
            allow_missing=True,
        ),
    output:
        f"{ROOT}/figures/{{target}}/panel.png",
    log:
        f"{LOGS}/figures/{{target}}/panel.log",
    conda:
        "../../envs/unoise.yaml"
    params:
        cases=PLAN.shown_cases,
        explainers=list(config["explainers"]),
        dims=PLAN.dims,
        unit=PLAN.unit,
        settings=lambda wildcards: {
            "target": config["targets"][wildcards.target],
            "classes": list(config["classes"]),
        },
        code=lambda wildcards: code_digest(
            "unoise.report.selection", PLAN.target_module(wildcards.target)
        ),
    message:
        "Drawing the panel of maps"
    script:
        "../scripts/figure_panel.py"


rule figure_costs:
    input:
        rules.table_costs.output,
    output:
        f"{ROOT}/figures/costs.png",
    log:
        f"{LOGS}/figures/costs.log",
    conda:
        "../../envs/unoise.yaml"
    params:
        unit=PLAN.unit,
        code=code_digest("unoise.report.figures"),
    message:
        "Drawing costs"
    script:
        "../scripts/figure_costs.py"


rule figure_history:
    input:
        expand(f"{ROOT}/{paths.HISTORY}", model=PLAN.trained),
    output:
        f"{ROOT}/figures/history.png",
    log:
        f"{LOGS}/figures/history.log",
    conda:
        "../../envs/unoise.yaml"
    params:
        code=code_digest("unoise.report.figures"),
    message:
        "Drawing the trainings"
    script:
        "../scripts/figure_history.py"


rule summary:
    input:
        **(
            {
                "protocols": rules.table_protocols.output[0],
                "runtime": rules.table_runtime.output[0],
            }
            if PLAN.has_paper
            else {}
        ),
        noise=[
            f"{ROOT}/{paths.TABLE}".format(table=table)
            for table in ("noise", "noise_bins")
            if PLAN.noisy
        ],
        contests=PLAN.contest_tables,
        seams=PLAN.seam_tables,
        guarantee=PLAN.guarantee_tables,
        probe=PLAN.probe_tables,
        stability=PLAN.stability_tables,
        regions=PLAN.region_tables,
        subgroups=PLAN.subgroup_tables,
        sanity=PLAN.sanity_tables,
        cases=rules.table_cases.output[0],
        segmentation=rules.table_segmentation.output[0],
        curves=rules.table_curves.output[0],
        ranking=rules.table_ranking.output[0],
        leak=rules.table_leak.output[0],
        rank_correlation=rules.table_rank_correlation.output[0],
        scores=rules.table_scores.output[0],
        costs=rules.table_costs.output[0],
        figures=list(PLAN.figures.values()),
    output:
        page=f"{ROOT}/summary.md",
        provenance=f"{ROOT}/provenance.json",
    log:
        f"{LOGS}/summary.log",
    conda:
        "../../envs/unoise.yaml"
    params:
        experiment=PLAN.experiment,
        judges=PLAN.judges,
        captions=list(PLAN.figures),
        paper=PLAN.has_paper,
        unit=PLAN.unit,
        settings={key: value for key, value in config.items() if key != "compute"},
        code=code_digest(
            "unoise.report.summary",
            "unoise.report.protocols",
            "unoise.report.contests",
            "unoise.report.guarantee",
            "unoise.report.noise",
            "unoise.report.scores",
            "unoise.report.seams",
            "unoise.report.probe",
            "unoise.report.audit",
            "unoise.report.regions",
            "unoise.report.subgroups",
            "unoise.report.stability",
            "unoise.report.sanity",
            "unoise.report.provenance",
        ),
    message:
        "Writing summary.md"
    script:
        "../scripts/summary.py"
