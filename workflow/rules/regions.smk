"""Needs: scans and labels, preprocessed cases, the segmenter's predictions, importance maps of the test cases.

Makes: what is lost when each region alone is hidden, how much of each map lies in it (where the config asks for them
under `regions` or `forbidden`), and the scores by subgroup (where the manifest has further columns).
"""


rule structures:
    input:
        image=lambda wildcards: PLAN.source(wildcards.case, "image"),
        label=lambda wildcards: PLAN.source(wildcards.case, "label"),
        body=f"{ROOT}/{paths.BODY}",
    output:
        structures=f"{ROOT}/{paths.STRUCTURES}",
        found=f"{ROOT}/{paths.FOUND}",
    log:
        f"{LOGS}/structures/{{case}}.log",
    conda:
        "../../envs/unoise.yaml"
    params:
        sizes=lambda wildcards: PLAN.source_sizes(wildcards.case),
        code=code_digest("unoise.data.structures"),
    message:
        "Placing all structures of {wildcards.case}, looking for table and text"
    script:
        "../scripts/structures.py"


if PLAN.subgroups:

    rule table_subgroups:
        input:
            PLAN.evaluated(paths.METRICS),
        output:
            PLAN.subgroup_tables,
        log:
            f"{LOGS}/tables/subgroups.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            subgroups=PLAN.subgroups,
            resamples=config["evaluation"]["resamples"],
            seed=config["seed"],
            code=code_digest("unoise.statistics.subgroups"),
        message:
            "Scoring the explanations by subgroup"
        script:
            "../scripts/table_subgroups.py"


if PLAN.has_regions:

    for batch, cases in PLAN.batches("test").items():

        rule:
            name:
                f"necessity_{batch}"
            input:
                **PLAN.region_input(cases),
                **PLAN.necessity_input(cases),
                judge_original=SEGMENTER,
            output:
                counts=expand(
                    f"{ROOT}/{paths.REGION_COUNTS}", case=cases, allow_missing=True
                ),
            log:
                f"{LOGS}/necessity/{{target}}/{batch}.log",
            conda:
                "../../envs/unoise.yaml"
            threads: config["compute"]["case_threads"]
            resources:
                **GPU,
                mem_mb=PLAN.case_memory(cases),
                runtime="2h",
            params:
                cases=PLAN.region_keys(cases),
                settings=lambda wildcards: PLAN.necessity_settings(wildcards.target),
                store=f"{STORE}/necessity/{{target}}",
                code=PLAN.necessity_code,
            message:
                "Hiding one region after the other from {wildcards.target}"
            script:
                "../scripts/necessity.py"

    rule table_region_necessity:
        input:
            expand(
                f"{ROOT}/{paths.REGION_COUNTS}",
                target=config["targets"],
                case=PLAN.ids("test"),
            ),
        output:
            PLAN.region_tables[0],
        log:
            f"{LOGS}/tables/region_necessity.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            code=code_digest("unoise.statistics.regions"),
        message:
            "Pooling by patient what each region is needed for"
        script:
            "../scripts/table_region_necessity.py"

    rule region_mass:
        input:
            **PLAN.region_input(PLAN.ids("test")),
            **PLAN.shown_files(PLAN.ids("test")),
        output:
            f"{ROOT}/{paths.REGION_MASS}",
        log:
            f"{LOGS}/region_mass/{{target}}/{{explainer}}.log",
        conda:
            "../../envs/unoise.yaml"
        resources:
            mem_mb=PLAN.case_memory(PLAN.ids("test"), together=True),
            runtime="1h",
        params:
            cases=PLAN.region_keys(PLAN.ids("test")),
            settings=lambda wildcards: PLAN.mass_settings(
                wildcards.target, wildcards.explainer
            ),
            code=code_digest("unoise.evaluation.region_mass"),
        message:
            "Looking where {wildcards.explainer} looks for {wildcards.target}"
        script:
            "../scripts/region_mass.py"

    rule table_region_mass:
        input:
            expand(
                f"{ROOT}/{paths.REGION_MASS}",
                target=config["targets"],
                explainer=PLAN.looking,
            ),
        output:
            PLAN.region_tables[1],
        log:
            f"{LOGS}/tables/region_mass.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            schema="REGION_MASS",
            code=code_digest("unoise.tables"),
        message:
            "Gathering where the maps look"
        script:
            "../scripts/table_joined.py"

    rule figure_regions:
        input:
            necessity=PLAN.region_tables[0],
            mass=PLAN.region_tables[1],
        output:
            f"{ROOT}/figures/{{target}}/regions.png",
        log:
            f"{LOGS}/figures/{{target}}/regions.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            resamples=config["evaluation"]["resamples"],
            seed=config["seed"],
            code=code_digest("unoise.report.regions_figure"),
        message:
            "Drawing what is needed and where the maps look"
        script:
            "../scripts/figure_regions.py"
