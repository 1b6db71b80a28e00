"""Needs: images, predictions, the segmenter (an interpreter, training images, an atlas, maps made elsewhere, labels,
labelled structures).

Makes: the importance maps of every explainer, and the atlas of each target. Explainers share a rule when they are given
the same files and make the same volumes for the same cases; each rule goes through one batch of cases.
"""


rule atlas:
    input:
        image=expand(f"{ROOT}/{paths.IMAGE}", case=PLAN.ids("train")),
        label=expand(f"{ROOT}/{paths.LABEL}", case=PLAN.ids("train")),
    output:
        f"{ROOT}/{paths.ATLAS}",
    log:
        f"{LOGS}/explain/{{target}}/atlas.log",
    conda:
        "../../envs/unoise.yaml"
    resources:
        mem_mb=PLAN.case_memory(PLAN.ids("train"), together=True),
    params:
        cases=PLAN.keys(PLAN.ids("train")),
        settings=lambda wildcards: {
            "target": config["targets"][wildcards.target],
            "classes": list(config["classes"]),
        },
        dims=PLAN.dims,
        code=code_digest("unoise.explainers._atlas"),
    message:
        "Learning where {wildcards.target} usually is"
    script:
        "../scripts/atlas.py"


for group in [*PLAN.explainer_groups, *PLAN.calibration_explainer_groups]:
    for batch, cases in PLAN.batches(*group.splits).items():

        rule:
            name:
                f"explain_{group.name}_{batch}"
            input:
                unpack(PLAN.label_input(cases)),
                **PLAN.interpreter_input(group),
                **PLAN.reference_input(group.explainers),
                **PLAN.atlas_input(group.explainers),
                **PLAN.map_input(group.explainers, cases),
                **PLAN.structure_input(group.explainers, cases),
                segmenter=SEGMENTER,
                image=expand(f"{ROOT}/{paths.IMAGE}", case=cases),
                prediction=expand(
                    f"{ROOT}/{paths.PREDICTION}", model=PLAN.segmenter, case=cases
                ),
            output:
                **{volume: map_files(volume, cases) for volume in group.volumes},
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
                mem_mb=PLAN.case_memory(cases),
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
