"""Needs: what the segmenter is known to need. Makes: how well every explanation finds it.

For the phantoms with a planted cue also their volumes, the maps of what a segmenter needs, and whether it uses the cue.
"""

if PLAN.cue:

    rule planted:
        output:
            image=f"{config['dataset']}/imagesTr/{{case}}.nii.gz",
            label=f"{config['dataset']}/labelsTr/{{case}}.nii.gz",
        log:
            f"{LOGS}/planted/{{case}}.log",
        priority: 3
        conda:
            "../../envs/unoise.yaml"
        params:
            cue=PLAN.cue,
            seed=config["phantom"]["seed"],
            code=code_digest("unoise.data.planted.base", PLAN.cue_module),
        message:
            "Making phantom {wildcards.case}"
        script:
            "../scripts/planted.py"

    rule planted_truth:
        input:
            f"{config['dataset']}/labelsTr/{{case}}.nii.gz",
        output:
            f"{PLAN.truth_folder}/{{case}}.nii.gz",
        log:
            f"{LOGS}/planted_truth/{{case}}.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            cue=PLAN.cue,
            code=code_digest("unoise.data.planted.base", PLAN.cue_module),
        message:
            "Drawing what a segmenter needs in {wildcards.case}"
        script:
            "../scripts/planted_truth.py"

    rule interventions:
        input:
            **PLAN.intervention_files,
            segmenter=SEGMENTER,
        output:
            f"{ROOT}/{paths.INTERVENTIONS}",
        log:
            f"{LOGS}/interventions/{{target}}.log",
        conda:
            "../../envs/unoise.yaml"
        threads: config["compute"]["case_threads"]
        resources:
            **GPU,
            mem_mb=PLAN.case_memory(PLAN.ids("test"), together=True),
            runtime="4h",
        params:
            cases=PLAN.intervention_keys,
            settings=lambda wildcards: PLAN.intervention_settings(wildcards.target),
            code=code_digest("unoise.evaluation.interventions", PLAN.cue_module),
        message:
            "Changing the cue, to see whether the segmenter uses it"
        script:
            "../scripts/interventions.py"

    rule table_interventions:
        input:
            expand(f"{ROOT}/{paths.INTERVENTIONS}", target=config["targets"]),
        output:
            PLAN.intervention_tables,
        log:
            f"{LOGS}/tables/interventions.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            schema="INTERVENTIONS",
            code=code_digest("unoise.tables"),
        message:
            "Gathering what changes of the cue do"
        script:
            "../scripts/table_joined.py"


if PLAN.truth_tables:

    rule truth:
        input:
            **PLAN.true_files,
            segmenter=SEGMENTER,
            maps=expand(
                f"{ROOT}/{paths.MAP}",
                volume="importance",
                model=PLAN.segmenter,
                explainer=config["explainers"],
                case=PLAN.ids("test"),
                allow_missing=True,
            ),
        output:
            f"{ROOT}/{paths.TRUTH}",
        log:
            f"{LOGS}/truth/{{target}}.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            cases=PLAN.keys(PLAN.ids("test")),
            explainers=list(config["explainers"]),
            settings=lambda wildcards: PLAN.truth_settings(wildcards.target),
            code=code_digest("unoise.evaluation.truth"),
        message:
            "Comparing the maps of {wildcards.target} with what the segmenter is known to need"
        script:
            "../scripts/truth.py"

    rule table_truth:
        input:
            expand(f"{ROOT}/{paths.TRUTH}", target=config["targets"]),
        output:
            PLAN.truth_tables,
        log:
            f"{LOGS}/tables/truth.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            schema="TRUTH",
            code=code_digest("unoise.tables"),
        message:
            "Gathering how well maps find what the segmenter needs"
        script:
            "../scripts/table_joined.py"
