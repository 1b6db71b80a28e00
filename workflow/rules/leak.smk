"""Needs: the maps of the test cases, two patients' for each, the judges and their predictions.

Makes: what the masks tell by their shape: voxel counts by case, and `tables/leak.parquet`.
"""

for batch, cases in PLAN.batches("test").items():

    rule:
        name:
            f"leak_{batch}"
        input:
            **PLAN.leak_input(cases),
            **PLAN.judge_input(cases),
            image=expand(f"{ROOT}/{paths.IMAGE}", case=cases),
            label=expand(f"{ROOT}/{paths.LABEL}", case=cases),
            importance=expand(
                f"{ROOT}/{paths.MAP}",
                volume="importance",
                model=PLAN.segmenter,
                case=cases,
                allow_missing=True,
            ),
        output:
            counts=expand(
                f"{ROOT}/{paths.LEAK}",
                model=PLAN.segmenter,
                case=cases,
                allow_missing=True,
            ),
        log:
            f"{LOGS}/leak/{{target}}/{{explainer}}/{batch}.log",
        conda:
            "../../envs/unoise.yaml"
        threads: config["compute"]["case_threads"]
        resources:
            **GPU,
            mem_mb=PLAN.case_memory(cases),
            runtime="2h",
        params:
            cases=PLAN.leak_keys(cases),
            settings=lambda wildcards: {
                "key": {
                    "model": PLAN.segmenter,
                    "target": wildcards.target,
                    "explainer": wildcards.explainer,
                },
                **PLAN.leak_settings(wildcards.target),
            },
            store=f"{STORE}/leak/{{target}}/{{explainer}}",
            code=lambda wildcards: PLAN.leak_code(wildcards.target),
        message:
            "Looking for what {wildcards.explainer} tells of {wildcards.target}"
        script:
            "../scripts/leak.py"


rule table_leak:
    input:
        expand(
            f"{ROOT}/{paths.LEAK}",
            model=PLAN.segmenter,
            target=config["targets"],
            explainer=config["explainers"],
            case=PLAN.ids("test"),
        ),
    output:
        f"{ROOT}/{paths.TABLE}".format(table="leak"),
    log:
        f"{LOGS}/tables/leak.log",
    conda:
        "../../envs/unoise.yaml"
    params:
        code=code_digest("unoise.statistics.leak"),
    message:
        "Pooling by patient what masks tell"
    script:
        "../scripts/table_leak.py"
