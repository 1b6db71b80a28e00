"""Needs: voxel counts of the calibration cases, curves of the test patients. Makes: `tables/guarantee.parquet`.

Only for the explainers that the config names under `guarantee`.
"""


rule table_guarantee:
    input:
        calibration=PLAN.calibrated(paths.METRICS),
        curves=rules.table_curves.output[0],
    output:
        f"{ROOT}/{paths.TABLE}".format(table="guarantee"),
    log:
        f"{LOGS}/tables/guarantee.log",
    conda:
        "../../envs/unoise.yaml"
    params:
        explainers=PLAN.guaranteed,
        tolerance=config["guarantee"]["tolerance"],
        code=code_digest("unoise.statistics.curves", "unoise.statistics.guarantee"),
    message:
        "Finding what the explanations promise"
    script:
        "../scripts/table_guarantee.py"
