"""Needs: preprocessed cases and the segmenter. Makes: the interpreters that the explainers of the config use."""


rule train_interpreter:
    input:
        **PLAN.training_files(),
        segmenter=SEGMENTER,
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
        model="|".join(map(re.escape, PLAN.interpreters)) or "none",
    priority: 1
    conda:
        "../../envs/unoise.yaml"
    threads: config["compute"]["training_threads"]
    resources:
        **GPU,
        mem_mb=PLAN.training_memory,
        runtime="12h",
    params:
        settings=lambda wildcards: PLAN.interpreter_settings(
            PLAN.interpreters[wildcards.model]
        ),
        training=PLAN.keys(PLAN.ids("train")),
        validation=PLAN.keys(PLAN.ids("validation")),
        state=f"{ROOT}/{paths.STATE}",
        code=lambda wildcards: PLAN.interpreter_code(wildcards.model),
    message:
        "Training {wildcards.model}"
    script:
        "../scripts/train_interpreter.py"
