"""Needs: the config and the manifest. Makes: an estimate of what the run will take here; it goes before all else."""


rule estimate:
    output:
        f"{ROOT}/estimate.txt",
    log:
        f"{LOGS}/estimate.log",
    priority: 4
    conda:
        "../../envs/unoise.yaml"
    threads: config["compute"]["training_threads"]
    params:
        settings={key: value for key, value in config.items() if key != "compute"},
        cases=PLAN.keys(PLAN.ids()),
    message:
        "Estimating what the run will take"
    script:
        "../scripts/estimate.py"
