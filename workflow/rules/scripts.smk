"""Needs: all rules with a script. Makes: the digest of the script one of their parameters.

Snakemake itself goes by a script's date, which a checkout changes; profiles/default leaves that out.
"""

for one in workflow.rules:
    if one.script:
        one.set_params(
            script=script_digest(
                Path(workflow.basedir, "workflow", "scripts", Path(one.script).name)
            )
        )
