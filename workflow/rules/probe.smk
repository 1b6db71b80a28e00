"""Needs: maps and predictions of the test cases. Makes: `tables/probe.parquet`, what a network finds from masks alone.

Only for the explainers that the config names under `probe`.
"""

if PLAN.probed:

    rule probe:
        input:
            **PLAN.shown_files([key["case"] for key in PLAN.probe_keys]),
        output:
            f"{ROOT}/{paths.PROBE}",
        log:
            f"{LOGS}/probe/{{target}}/{{explainer}}.log",
        conda:
            "../../envs/unoise.yaml"
        threads: config["compute"]["training_threads"]
        resources:
            **GPU,
            mem_mb=PLAN.training_memory,
            runtime="2h",
        params:
            cases=PLAN.probe_keys,
            settings=lambda wildcards: PLAN.probe_settings(
                wildcards.target, wildcards.explainer
            ),
            code=code_digest("unoise.evaluation.probe", *PLAN.target_modules),
        message:
            "Probing the masks of {wildcards.explainer} for {wildcards.target}"
        script:
            "../scripts/probe.py"

    rule table_probe:
        input:
            expand(
                f"{ROOT}/{paths.PROBE}",
                target=config["targets"],
                explainer=PLAN.probed,
            ),
        output:
            PLAN.probe_tables,
        log:
            f"{LOGS}/tables/probe.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            code=code_digest("unoise.statistics.probe"),
        message:
            "Pooling by patient what the probes find"
        script:
            "../scripts/table_probe.py"
