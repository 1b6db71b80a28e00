"""Needs: maps of validation and test cases. Makes: the published evaluation, its two figures and its run-time table.

Only where the config has `paper_protocols`.
"""

if PLAN.has_paper:

    rule paper_protocol:
        input:
            segmenter=SEGMENTER,
            card=PLAN.interpreter_card,
            image=lambda wildcards: PLAN.protocol_files(wildcards, paths.IMAGE),
            label=lambda wildcards: PLAN.protocol_files(wildcards, paths.LABEL),
            map=lambda wildcards: PLAN.protocol_files(wildcards, paths.MAP),
        output:
            f"{ROOT}/{paths.PROTOCOL}",
        log:
            f"{LOGS}/paper/{{target}}/{{explainer}}.log",
        conda:
            "../../envs/unoise.yaml"
        threads: config["compute"]["training_threads"]
        resources:
            **GPU,
            mem_mb=PLAN.case_memory(PLAN.protocol_cases, together=True),
            runtime="4h",
        params:
            cases=PLAN.keys(PLAN.protocol_cases),
            settings=lambda wildcards: PLAN.protocol_settings(
                wildcards.explainer, wildcards.target
            ),
            code=code_digest("unoise.evaluation.paper_protocol", *PLAN.target_modules),
        message:
            "Evaluating {wildcards.explainer} as published"
        script:
            "../scripts/paper_protocol.py"

    rule table_paper_protocol:
        input:
            expand(
                f"{ROOT}/{paths.PROTOCOL}",
                target=config["targets"],
                explainer=config["explainers"],
            ),
        output:
            f"{ROOT}/{paths.TABLE}".format(table="paper_protocol"),
        log:
            f"{LOGS}/tables/paper_protocol.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            schema="PAPER_PROTOCOL",
            code=code_digest("unoise.tables"),
        message:
            "Gathering the published evaluation"
        script:
            "../scripts/table_joined.py"

    rule table_protocols:
        input:
            published=rules.table_paper_protocol.output[0],
            curves=rules.table_curves.output[0],
        output:
            f"{ROOT}/{paths.TABLE}".format(table="protocols"),
        log:
            f"{LOGS}/tables/protocols.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            code=code_digest("unoise.statistics.protocols"),
        message:
            "Comparing the published evaluation with ours"
        script:
            "../scripts/table_protocols.py"

    rule time_explainers:
        input:
            **PLAN.reference_input(PLAN.timed),
            **PLAN.atlas_input(PLAN.timed),
            **PLAN.structure_input(PLAN.timed, PLAN.timed_cases),
            segmenter=SEGMENTER,
            interpreters=[
                PLAN.interpreter_file(explainer, paths.WEIGHTS)
                for explainer in PLAN.interpreted
            ],
            others_done=rules.table_ranking.output[0],
            image=expand(f"{ROOT}/{paths.IMAGE}", case=PLAN.timed_cases),
            label=expand(f"{ROOT}/{paths.LABEL}", case=PLAN.timed_cases),
            prediction=expand(
                f"{ROOT}/{paths.PREDICTION}",
                model=PLAN.segmenter,
                case=PLAN.timed_cases,
            ),
        output:
            f"{ROOT}/{paths.RUNTIME}",
        log:
            f"{LOGS}/paper/{{target}}/runtime.log",
        conda:
            "../../envs/unoise.yaml"
        threads: config["compute"]["training_threads"]
        resources:
            **GPU,
            mem_mb=PLAN.case_memory(PLAN.timed_cases, together=True),
            runtime="4h",
        params:
            cases=PLAN.timed_cases,
            interpreted=PLAN.interpreted,
            settings=lambda wildcards: {
                "key": {"model": PLAN.segmenter, "target": wildcards.target},
                "target": config["targets"][wildcards.target],
                "explainers": {
                    key: PLAN.explainer_settings(key) for key in PLAN.timed
                },
            },
            code=code_digest(
                "unoise.evaluation.runtime",
                *PLAN.target_modules,
                *PLAN.explainer_modules,
            ),
        message:
            "Timing every explainer alone"
        script:
            "../scripts/time_explainers.py"

    rule table_runtime:
        input:
            expand(f"{ROOT}/{paths.RUNTIME}", target=config["targets"]),
        output:
            f"{ROOT}/{paths.TABLE}".format(table="runtime"),
        log:
            f"{LOGS}/tables/runtime.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            schema="RUNTIME",
            code=code_digest("unoise.tables"),
        message:
            "Gathering what the explainers take"
        script:
            "../scripts/table_joined.py"

    rule figure_paper:
        input:
            rules.table_paper_protocol.output,
        output:
            curves=f"{ROOT}/figures/{{target}}/paper_curves.png",
            sizes=f"{ROOT}/figures/{{target}}/paper_sizes.png",
        log:
            f"{LOGS}/figures/{{target}}/paper.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            experiment=PLAN.experiment,
            protocol=next(iter(config["paper_protocols"])),
            code=code_digest("unoise.report.paper_figures"),
        message:
            "Drawing the paper's figures anew"
        script:
            "../scripts/figure_paper.py"
