"""Needs: maps of the test cases. Makes: how far the windows of 3D networks show in them.

Only where the units are volumes.
"""

if PLAN.seam_tables:

    rule table_seams:
        input:
            PLAN.seam_maps,
        output:
            f"{ROOT}/{paths.TABLE}".format(table="seams"),
        log:
            f"{LOGS}/tables/seams.log",
        conda:
            "../../envs/unoise.yaml"
        params:
            maps=PLAN.seam_keys,
            windows=PLAN.windows,
            code=code_digest("unoise.evaluation.seams", "unoise.tables"),
        message:
            "Looking for seams in the maps"
        script:
            "../scripts/table_seams.py"
