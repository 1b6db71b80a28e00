"""Needs: maps of validation and test cases. Makes: the noise in HU that every voxel bears, and how far that is true.

Only for the explainers that the config names under `noise`.
"""


rule fit_noise_scale:
    input:
        **PLAN.noise_files("validation"),
        segmenter=SEGMENTER,
    output:
        f"{ROOT}/{paths.NOISE_SCALE}",
    log:
        f"{LOGS}/noise/{{target}}/{{explainer}}/fit.log",
    conda:
        "../../envs/unoise.yaml"
    threads: config["compute"]["training_threads"]
    resources:
        **GPU,
        mem_mb=PLAN.case_memory(PLAN.ids("validation"), together=True),
        runtime="4h",
    params:
        cases=PLAN.keys(PLAN.ids("validation")),
        settings=lambda wildcards: PLAN.noise_settings(
            wildcards.target, wildcards.explainer
        ),
        code=lambda wildcards: PLAN.noise_code(wildcards.target),
    message:
        "Fitting the noise that {wildcards.explainer} allows"
    script:
        "../scripts/fit_noise_scale.py"


rule measure_noise_scale:
    input:
        **PLAN.noise_files("test"),
        segmenter=SEGMENTER,
        scale=f"{ROOT}/{paths.NOISE_SCALE}",
    output:
        joint=f"{ROOT}/{paths.NOISE_JOINT}",
        bins=f"{ROOT}/{paths.NOISE_BINS}",
    log:
        f"{LOGS}/noise/{{target}}/{{explainer}}/measure.log",
    conda:
        "../../envs/unoise.yaml"
    threads: config["compute"]["training_threads"]
    resources:
        **GPU,
        mem_mb=PLAN.case_memory(PLAN.ids("test"), together=True),
        runtime="4h",
    params:
        cases=PLAN.keys(PLAN.ids("test")),
        settings=lambda wildcards: PLAN.noise_settings(
            wildcards.target, wildcards.explainer
        ),
        code=lambda wildcards: PLAN.noise_code(wildcards.target),
    message:
        "Measuring the noise that {wildcards.explainer} allows"
    script:
        "../scripts/measure_noise_scale.py"


if PLAN.noisy:

    for batch, cases in PLAN.batches().items():

        rule:
            name:
                f"noise_scale_{batch}"
            input:
                scale=f"{ROOT}/{paths.NOISE_SCALE}",
                image=expand(f"{ROOT}/{paths.IMAGE}", case=cases),
                body=expand(f"{ROOT}/{paths.BODY}", case=cases),
                prediction=expand(
                    f"{ROOT}/{paths.PREDICTION}", model=PLAN.segmenter, case=cases
                ),
                importance=expand(
                    f"{ROOT}/{paths.MAP}",
                    volume="importance",
                    model=PLAN.segmenter,
                    case=cases,
                    allow_missing=True,
                ),
            output:
                noise_scale=expand(
                    f"{ROOT}/{paths.MAP}",
                    volume="noise_scale",
                    model=PLAN.segmenter,
                    case=cases,
                    allow_missing=True,
                ),
            log:
                f"{LOGS}/noise/{{target}}/{{explainer}}/{batch}.log",
            wildcard_constraints:
                explainer="|".join(PLAN.noisy),
            conda:
                "../../envs/unoise.yaml"
            params:
                cases=[{"case": case} for case in cases],
                settings=lambda wildcards: {
                    "explainer": wildcards.explainer,
                    "seed": config["seed"],
                    "dims": PLAN.dims,
                },
                store=f"{STORE}/noise_scale/{{target}}/{{explainer}}",
                code=code_digest("unoise.evaluation.noise"),
            message:
                "Writing the noise scale of {wildcards.explainer}"
            script:
                "../scripts/noise_scale.py"

    for table, path in (
        ("noise", paths.NOISE_JOINT),
        ("noise_bins", paths.NOISE_BINS),
    ):

        rule:
            name:
                f"table_{table}"
            input:
                expand(
                    f"{ROOT}/{path}",
                    target=config["targets"],
                    explainer=PLAN.noisy,
                ),
            output:
                f"{ROOT}/{paths.TABLE}".format(table=table),
            log:
                f"{LOGS}/tables/{table}.log",
            conda:
                "../../envs/unoise.yaml"
            params:
                schema=table.upper(),
                code=code_digest("unoise.tables"),
            message:
                "Gathering how much noise the explanations allow"
            script:
                "../scripts/table_joined.py"
