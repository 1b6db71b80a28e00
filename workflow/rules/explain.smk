"""Needs: images, predictions, the segmenter (an interpreter, training images, labels where the target needs them). Makes: the importance maps of every explainer.

Explainers share a rule when they make the same volumes for the same cases; each rule goes through one batch of cases.
"""

for group in [*PLAN.explainer_groups, *PLAN.calibration_explainer_groups]:
    for batch, cases in PLAN.batches(*group.splits).items():

        rule:
            name:
                f"explain_{group.name}_{batch}"
            input:
                unpack(PLAN.label_input(cases)),
                **PLAN.interpreter_input(group),
                **PLAN.reference_input(group.explainers),
                segmenter=SEGMENTER,
                image=expand(f"{ROOT}/{paths.IMAGE}", case=cases),
                prediction=expand(
                    f"{ROOT}/{paths.PREDICTION}", model=PLAN.segmenter, case=cases
                ),
            output:
                **{
                    volume: expand(
                        f"{ROOT}/{paths.MAP}",
                        volume=volume,
                        model=PLAN.segmenter,
                        case=cases,
                        allow_missing=True,
                    )
                    for volume in group.volumes
                },
                costs=expand(
                    f"{ROOT}/{paths.COSTS}",
                    model=PLAN.segmenter,
                    case=cases,
                    allow_missing=True,
                ),
            log:
                f"{LOGS}/explain/{{target}}/{{explainer}}/{group.name}_{batch}.log",
            wildcard_constraints:
                explainer="|".join(group.explainers),
            conda:
                "../../envs/unoise.yaml"
            threads: config["compute"]["case_threads"]
            resources:
                **GPU,
                mem_mb=4000,
                runtime="4h",
            params:
                cases=[{"case": case} for case in cases],
                settings=lambda wildcards: {
                    "key": {
                        "model": PLAN.segmenter,
                        "target": wildcards.target,
                        "explainer": wildcards.explainer,
                    },
                    "explainer": PLAN.explainer_settings(wildcards.explainer),
                    "target": config["targets"][wildcards.target],
                },
                store=f"{STORE}/explain/{{target}}/{{explainer}}",
                code=lambda wildcards: PLAN.explainer_code(
                    wildcards.target, wildcards.explainer
                ),
            message:
                "Explaining {wildcards.target} by {wildcards.explainer}"
            script:
                "../scripts/explain.py"
