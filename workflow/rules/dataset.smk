"""Needs: the phantom's seed. Makes: its volumes and `dataset.json`, in Decathlon layout, where the config asks for it."""

if PLAN.is_phantom and not PLAN.cue:

    rule phantom:
        output:
            image=f"{config['dataset']}/imagesTr/{{case}}.nii.gz",
            label=f"{config['dataset']}/labelsTr/{{case}}.nii.gz",
        log:
            f"{LOGS}/phantom/{{case}}.log",
        priority: 3
        conda:
            "../../envs/unoise.yaml"
        params:
            seed=config["phantom"]["seed"],
            code=code_digest("unoise.data.phantom"),
        message:
            "Making phantom {wildcards.case}"
        script:
            "../scripts/phantom.py"


if PLAN.is_phantom:

    rule phantom_index:
        output:
            f"{config['dataset']}/dataset.json",
        log:
            f"{LOGS}/phantom_index.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            cases=list(PLAN.cases),
            labels=next(iter(PLAN.cases.values())).label_values(),
            code=code_digest("unoise.data.phantom", "unoise.files"),
        message:
            "Listing the phantoms"
        script:
            "../scripts/phantom_index.py"
