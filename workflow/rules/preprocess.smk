"""Needs: a scan and its label. Makes: both on the common grid, with the body and the way back to the source grid."""

if PLAN.window_input():

    rule dataset_window:
        input:
            SCANS,
        output:
            f"{ROOT}/{paths.WINDOW}",
        log:
            f"{LOGS}/dataset_window.log",
        priority: 2
        conda:
            "../../envs/unoise.yaml"
        params:
            stride=config["preprocess"]["stride"],
            sizes=PLAN.sizes(*SCANS),
            code=code_digest("unoise.data.preprocess"),
        message:
            "Looking for the smallest and largest value of the dataset"
        script:
            "../scripts/dataset_window.py"


rule preprocess:
    input:
        **PLAN.window_input(),
        image=lambda wildcards: PLAN.source(wildcards.case, "image"),
        label=lambda wildcards: PLAN.source(wildcards.case, "label"),
    output:
        image=f"{ROOT}/{paths.IMAGE}",
        label=f"{ROOT}/{paths.LABEL}",
        body=f"{ROOT}/{paths.BODY}",
        source=f"{ROOT}/{paths.SOURCE}",
    log:
        f"{LOGS}/preprocess/{{case}}.log",
    priority: 2
    conda:
        "../../envs/unoise.yaml"
    resources:
        mem_mb=PLAN.preprocess_memory,
    params:
        settings=config["preprocess"],
        classes=config["classes"],
        values=lambda wildcards: PLAN.cases[wildcards.case].label_values(),
        slices=lambda wildcards: PLAN.cases[wildcards.case].slice_range(),
        sizes=lambda wildcards: PLAN.source_sizes(wildcards.case),
        code=code_digest("unoise.data.preprocess"),
    message:
        "Preprocessing {wildcards.case}"
    script:
        "../scripts/preprocess.py"
