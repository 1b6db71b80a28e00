"""Needs: the segmenter, maps of the test cases. Makes: `tables/sanity.parquet`, whether maps depend on what it has learned.

Only for the explainers that the config names under `sanity`. They explain a segmenter of random weights, and one that
learned from labels of other patients; interpreters are trained against these. Nothing else uses any of them.
"""

if PLAN.questioned:

    rule randomise_segmenter:
        input:
            SEGMENTER,
        output:
            weights=f"{ROOT}/{paths.WEIGHTS}".format(
                model=PLAN.sanity_models["randomised"]
            ),
            config=f"{ROOT}/{paths.SETTINGS}".format(
                model=PLAN.sanity_models["randomised"]
            ),
            card=f"{ROOT}/{paths.CARD}".format(model=PLAN.sanity_models["randomised"]),
        log:
            f"{LOGS}/sanity/randomise_segmenter.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            settings=PLAN.randomised_settings,
            code=code_digest("unoise.networks.randomise"),
        message:
            "Giving the segmenter random weights"
        script:
            "../scripts/randomise_segmenter.py"

    use rule train_segmenter as train_segmenter_permuted with:
        input:
            **PLAN.training_files(),
            source=f"{ROOT}/{paths.SOURCE}".format(case=PLAN.ids("train")[0]),
            start=[],
        wildcard_constraints:
            model=re.escape(PLAN.sanity_models.get("permuted", "none")),
        params:
            settings=PLAN.permuted_settings,
            code=PLAN.segmenter_code(PLAN.segmenter),

    use rule train_interpreter as train_interpreter_sanity with:
        input:
            **PLAN.training_files(),
            segmenter=lambda wildcards: PLAN.sanity_segmenter(wildcards.model),
            start=lambda wildcards: PLAN.sanity_start(wildcards.model),
        wildcard_constraints:
            model="|".join(map(re.escape, PLAN.sanity_retrainings)) or "none",
        params:
            settings=lambda wildcards: PLAN.sanity_retrainings[wildcards.model].settings,
            code=lambda wildcards: PLAN.interpreter_code(
                PLAN.sanity_retrainings[wildcards.model].first
            ),

    rule sanity:
        input:
            unpack(lambda wildcards: PLAN.sanity_input(wildcards.explainer)),
            unpack(
                lambda wildcards: PLAN.structure_input(
                    [wildcards.explainer], PLAN.ids("test")
                )
            ),
            **PLAN.shown_files(PLAN.ids("test")),
            body=expand(f"{ROOT}/{paths.BODY}", case=PLAN.ids("test")),
            segmenter=SEGMENTER,
        output:
            f"{ROOT}/{paths.SANITY}",
        log:
            f"{LOGS}/sanity/{{target}}/{{explainer}}.log",
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
                "sanity", wildcards.target, wildcards.explainer
            ),
            code=lambda wildcards: PLAN.measurement_code(
                "sanity", wildcards.target, wildcards.explainer
            ),
        message:
            "Asking whether maps of {wildcards.target} by {wildcards.explainer} care what the segmenter has learned"
        script:
            "../scripts/sanity.py"

    rule table_sanity:
        input:
            expand(
                f"{ROOT}/{paths.SANITY}",
                target=config["targets"],
                explainer=PLAN.questioned,
            ),
        output:
            PLAN.sanity_tables,
        log:
            f"{LOGS}/tables/sanity.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            schema="SANITY",
            code=code_digest("unoise.tables"),
        message:
            "Gathering whether maps care what the segmenter has learned"
        script:
            "../scripts/table_joined.py"

    rule figure_sanity:
        input:
            rules.table_sanity.output,
        output:
            f"{ROOT}/figures/{{target}}/sanity.png",
        log:
            f"{LOGS}/figures/{{target}}/sanity.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            code=code_digest("unoise.report.sanity_figure"),
        message:
            "Drawing what becomes of maps when the weights are random"
        script:
            "../scripts/figure_sanity.py"
