"""Needs: the config and the manifest. Makes: PLAN, what there is to do, and the names that the rules share."""

import os
import re
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from unoise.data.decathlon import read_task
from unoise.errors import UserError
from unoise.workflow import paths
from unoise.workflow.config import complete
from unoise.workflow.config.leave_out import without
from unoise.workflow.digest import code_digest, script_digest
from unoise.workflow.go_on import go_on
from unoise.workflow.lifetime import hold, own_jobs
from unoise.workflow.plan import Plan

own_jobs()
try:
    CONFIG_FILE = workflow.configfiles[-1] if workflow.configfiles else "config"
    completed = without(complete(config, CONFIG_FILE), CONFIG_FILE)
    config.clear()
    config.update(completed)
    PLAN = Plan(config, Path(workflow.basedir))
    SCANS = (
        [PLAN.source(case, "image") for case in PLAN.cases]
        if PLAN.is_phantom or not PLAN.window_input()
        else [
            str(Path(config["dataset"], image))
            for _, image, _ in read_task(Path(config["dataset"])).cases
        ]
    )
except UserError as error:
    raise WorkflowError(str(error)) from None

ROOT = PLAN.root
LOGS = f"{ROOT}/{paths.LOGS}"
SEGMENTER = f"{ROOT}/{paths.WEIGHTS}".format(model=PLAN.segmenter)
STORE = f"{ROOT}/{paths.STORE}"
GPU = {} if config["compute"]["device"] == "cpu" else {"gpu": 1}


def map_files(volume, cases):
    """The maps of some cases, of each target and explainer, temporary where the config does not keep them."""
    named = {"volume": volume, "model": PLAN.segmenter}
    maps = expand(f"{ROOT}/{paths.MAP}", **named, case=cases, allow_missing=True)
    return [
        path if PLAN.keeps_map(case) else temp(path) for case, path in zip(cases, maps)
    ]


wildcard_constraints:
    case="[A-Za-z0-9][A-Za-z0-9._-]*",
    model="[a-z0-9-]+",
    target="[a-z0-9-]+",
    explainer="[a-z0-9-]+",
    volume="importance|noise_scale",
