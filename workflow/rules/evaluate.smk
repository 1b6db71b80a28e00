"""Needs: preprocessed cases, the judges and their predictions, importance maps.

Makes: voxel counts of what each judge predicts on the obscured images, by case.
"""

for group in [*PLAN.evaluation_groups, *PLAN.calibration_groups]:
    for batch, cases in PLAN.batches(*group.splits).items():

        rule:
            name:
                f"evaluate_{group.name}_{batch}"
            input:
                **PLAN.donor_input(cases),
                **PLAN.judge_input(cases),
                image=expand(f"{ROOT}/{paths.IMAGE}", case=cases),
                label=expand(f"{ROOT}/{paths.LABEL}", case=cases),
                body=expand(f"{ROOT}/{paths.BODY}", case=cases),
                importance=expand(
                    f"{ROOT}/{paths.MAP}",
                    volume="importance",
                    model=PLAN.segmenter,
                    case=cases,
                    allow_missing=True,
                ),
            output:
                metrics=expand(
                    f"{ROOT}/{paths.METRICS}",
                    model=PLAN.segmenter,
                    case=cases,
                    allow_missing=True,
                ),
            log:
                f"{LOGS}/evaluate/{{target}}/{{explainer}}/{group.name}_{batch}.log",
            wildcard_constraints:
                explainer="|".join(group.explainers),
            conda:
                "../../envs/unoise.yaml"
            threads: config["compute"]["case_threads"]
            resources:
                **GPU,
                mem_mb=PLAN.case_memory(cases),
                runtime="4h",
            params:
                cases=PLAN.keys(cases),
                settings=lambda wildcards: {
                    "key": {
                        "model": PLAN.segmenter,
                        "target": wildcards.target,
                        "explainer": wildcards.explainer,
                    },
                    **PLAN.evaluation_settings(wildcards.target),
                },
                store=f"{STORE}/evaluate/{{target}}/{{explainer}}",
                code=lambda wildcards: PLAN.evaluation_code(wildcards.target),
            message:
                "Evaluating {wildcards.explainer} for {wildcards.target}"
            script:
                "../scripts/evaluate.py"
