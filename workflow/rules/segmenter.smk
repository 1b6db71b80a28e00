"""Needs: preprocessed cases. Makes: the segmenter, and its prediction and scores for every case."""


rule train_segmenter:
    input:
        **PLAN.training_files(),
    output:
        weights=f"{ROOT}/{paths.WEIGHTS}".format(model=PLAN.segmenter),
        history=f"{ROOT}/{paths.HISTORY}".format(model=PLAN.segmenter),
        config=f"{ROOT}/{paths.SETTINGS}".format(model=PLAN.segmenter),
        card=f"{ROOT}/{paths.CARD}".format(model=PLAN.segmenter),
        costs=f"{ROOT}/{paths.TRAINING_COSTS}".format(model=PLAN.segmenter),
    log:
        f"{LOGS}/train/{PLAN.segmenter}.log",
    conda:
        "../../envs/unoise.yaml"
    threads: config["compute"]["training_threads"]
    resources:
        **GPU,
        mem_mb=8000,
        runtime="12h",
    params:
        model=PLAN.segmenter,
        settings=PLAN.segmenter_settings,
        training=PLAN.keys(PLAN.ids("train")),
        validation=PLAN.keys(PLAN.ids("validation")),
        state=f"{ROOT}/{paths.STATE}".format(model=PLAN.segmenter),
        code=code_digest("unoise.training.segmenter"),
    message:
        "Training the segmenter"
    script:
        "../scripts/train_segmenter.py"


for batch, cases in PLAN.batches().items():

    rule:
        name:
            f"predict_{batch}"
        input:
            segmenter=rules.train_segmenter.output.weights,
            image=expand(f"{ROOT}/{paths.IMAGE}", case=cases),
            label=expand(f"{ROOT}/{paths.LABEL}", case=cases),
        output:
            prediction=expand(
                f"{ROOT}/{paths.PREDICTION}", model=PLAN.segmenter, case=cases
            ),
            scores=expand(f"{ROOT}/{paths.SCORES}", model=PLAN.segmenter, case=cases),
        log:
            f"{LOGS}/predict/{batch}.log",
        conda:
            "../../envs/unoise.yaml"
        threads: config["compute"]["case_threads"]
        resources:
            **GPU,
            mem_mb=4000,
            runtime="2h",
        params:
            cases=PLAN.keys(cases),
            settings={"model": PLAN.segmenter},
            store=f"{STORE}/predict",
            code=code_digest("unoise.networks.predict"),
        message:
            "Segmenting a batch of cases"
        script:
            "../scripts/predict.py"
