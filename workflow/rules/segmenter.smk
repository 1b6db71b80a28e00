"""Needs: preprocessed cases. Makes: the segmenter and the judges beside it, their predictions and scores.

The segmenter predicts every case, a judge those that are evaluated (for a guarantee in jobs of their own). Interpreters that start from a segmentation network
of their own shape have it trained here too.
"""


rule train_segmenter:
    input:
        **PLAN.training_files(),
        source=f"{ROOT}/{paths.SOURCE}".format(case=PLAN.ids("train")[0]),
        start=lambda wildcards: PLAN.start_weights(wildcards.model),
    output:
        weights=f"{ROOT}/{paths.WEIGHTS}",
        history=f"{ROOT}/{paths.HISTORY}",
        config=f"{ROOT}/{paths.SETTINGS}",
        card=f"{ROOT}/{paths.CARD}",
        costs=f"{ROOT}/{paths.TRAINING_COSTS}",
    log:
        f"{LOGS}/train/{{model}}.log",
    wildcard_constraints:
        model="|".join(map(re.escape, PLAN.segmenters)),
    conda:
        "../../envs/unoise.yaml"
    threads: config["compute"]["training_threads"]
    resources:
        **GPU,
        mem_mb=PLAN.training_memory,
        runtime="12h",
    params:
        settings=lambda wildcards: PLAN.segmenters[wildcards.model],
        training=PLAN.keys(PLAN.ids("train")),
        validation=PLAN.keys(PLAN.ids("validation")),
        state=f"{ROOT}/{paths.STATE}",
        code=lambda wildcards: PLAN.segmenter_code(wildcards.model),
    message:
        "Training {wildcards.model}"
    script:
        "../scripts/train_segmenter.py"


for model, splits in [*PLAN.predicted.items(), *PLAN.calibration_predicted.items()]:
    portion = "_".join(splits)
    for batch, cases in PLAN.batches(*splits).items():

        rule:
            name:
                f"predict_{model}_{portion}_{batch}"
            input:
                segmenter=f"{ROOT}/{paths.WEIGHTS}".format(model=model),
                image=expand(f"{ROOT}/{paths.IMAGE}", case=cases),
                label=expand(f"{ROOT}/{paths.LABEL}", case=cases),
            output:
                prediction=expand(f"{ROOT}/{paths.PREDICTION}", model=model, case=cases),
                scores=expand(f"{ROOT}/{paths.SCORES}", model=model, case=cases),
            log:
                f"{LOGS}/predict/{model}/{portion}_{batch}.log",
            conda:
                "../../envs/unoise.yaml"
            threads: config["compute"]["case_threads"]
            resources:
                **GPU,
                mem_mb=PLAN.case_memory(cases),
                runtime="2h",
            params:
                cases=PLAN.keys(cases),
                settings={"model": model},
                store=f"{STORE}/predict/{model}",
                code=code_digest("unoise.networks.predict"),
            message:
                f"Segmenting a batch of cases by {model}"
            script:
                "../scripts/predict.py"
