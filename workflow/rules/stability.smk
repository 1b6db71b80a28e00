"""Needs: interpreters, and maps of the test cases. Makes: `tables/stability.parquet`, how alike maps of other seeds are.

Only for the explainers that the config names under `stability`, whose interpreters are trained again; nothing else uses
these.
"""

if PLAN.retrained_explainers:

    use rule train_interpreter as train_interpreter_again with:
        input:
            **PLAN.training_files(),
            segmenter=SEGMENTER,
            start=lambda wildcards: PLAN.start_weights(
                PLAN.retrainings[wildcards.model].first
            ),
        wildcard_constraints:
            model="|".join(map(re.escape, PLAN.retrainings)),
        params:
            settings=lambda wildcards: PLAN.retrainings[wildcards.model].settings,
            code=lambda wildcards: PLAN.interpreter_code(
                PLAN.retrainings[wildcards.model].first
            ),

    rule stability:
        input:
            **PLAN.shown_files(PLAN.ids("test")),
            segmenter=SEGMENTER,
            interpreters=lambda wildcards: PLAN.retrained_weights(wildcards.explainer),
        output:
            f"{ROOT}/{paths.STABILITY}",
        log:
            f"{LOGS}/stability/{{target}}/{{explainer}}.log",
        conda:
            "../../envs/unoise.yaml"
        threads: config["compute"]["case_threads"]
        resources:
            **GPU,
            mem_mb=PLAN.case_memory(PLAN.ids("test"), together=True),
            runtime="4h",
        params:
            cases=PLAN.keys(PLAN.ids("test")),
            settings=lambda wildcards: PLAN.measurement_settings(
                "stability", wildcards.target, wildcards.explainer
            ),
            code=lambda wildcards: PLAN.measurement_code(
                "stability", wildcards.target, wildcards.explainer
            ),
        message:
            "Comparing maps of {wildcards.explainer} by interpreters of other seeds"
        script:
            "../scripts/stability.py"

    rule table_stability:
        input:
            expand(
                f"{ROOT}/{paths.STABILITY}",
                target=config["targets"],
                explainer=PLAN.retrained_explainers,
            ),
        output:
            PLAN.stability_tables,
        log:
            f"{LOGS}/tables/stability.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            schema="STABILITY",
            code=code_digest("unoise.tables"),
        message:
            "Gathering how alike maps of other seeds are"
        script:
            "../scripts/table_joined.py"
