"""Needs: the tables of the evaluation, maps of the test cases. Makes: every score of every explanation, by patient.

Infidelity and sensitivity only for the explainers that the config names under `faithfulness`.
"""


rule table_maps:
    input:
        PLAN.seam_maps,
    output:
        f"{ROOT}/{paths.TABLE}".format(table="maps"),
    log:
        f"{LOGS}/tables/maps.log",
    conda:
        "../../envs/unoise.yaml"
    params:
        maps=PLAN.seam_keys,
        dims=PLAN.dims,
        code=code_digest("unoise.evaluation.map_shape", "unoise.tables"),
    message:
        "Measuring how concentrated the maps are"
    script:
        "../scripts/table_maps.py"


rule faithfulness:
    input:
        unpack(
            lambda wildcards: PLAN.explainer_input(
                wildcards.explainer, wildcards.target
            )
        ),
        unpack(
            lambda wildcards: PLAN.structure_input(
                [wildcards.explainer], PLAN.ids("test")
            )
        ),
        **PLAN.shown_files(PLAN.ids("test")),
        segmenter=SEGMENTER,
    output:
        f"{ROOT}/{paths.FAITHFULNESS}",
    log:
        f"{LOGS}/faithfulness/{{target}}/{{explainer}}.log",
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
            "faithfulness", wildcards.target, wildcards.explainer
        ),
        code=lambda wildcards: PLAN.measurement_code(
            "faithfulness", wildcards.target, wildcards.explainer
        ),
    message:
        "Perturbing what {wildcards.explainer} explains of {wildcards.target}"
    script:
        "../scripts/faithfulness.py"


rule table_scores:
    input:
        curves=rules.table_curves.output[0],
        leak=rules.table_leak.output[0],
        costs=rules.table_costs.output[0],
        maps=rules.table_maps.output[0],
        faithfulness=PLAN.faithfulness_files,
    output:
        f"{ROOT}/{paths.TABLE}".format(table="scores"),
    log:
        f"{LOGS}/tables/scores.log",
    conda:
        "../../envs/unoise.yaml"
    params:
        patients=PLAN.test_patients,
        resamples=config["evaluation"]["resamples"],
        seed=config["seed"],
        code=code_digest("unoise.statistics.scores"),
    message:
        "Gathering all scores"
    script:
        "../scripts/table_scores.py"


rule table_rank_correlation:
    input:
        rules.table_ranking.output,
    output:
        f"{ROOT}/{paths.TABLE}".format(table="rank_correlation"),
    log:
        f"{LOGS}/tables/rank_correlation.log",
    conda:
        "../../envs/unoise.yaml"
    params:
        code=code_digest("unoise.statistics.rank_correlation"),
    message:
        "Asking how far the ranking holds across obscurers"
    script:
        "../scripts/table_rank_correlation.py"
