"""Where results come from: config, code, environment, machine, data and seeds, beside the results."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pandas as pd

from unoise.files import content_hash
from unoise.report.markdown import count, escape
from unoise.workflow.sources import PACKAGE

NAMED = ("torch", "monai", "numpy", "snakemake")  # libraries that the summary names


def provenance(config: dict, cases: pd.DataFrame) -> dict:
    """All that is known of where the results of an experiment come from, as plain values.

    Parameters
    ----------
    config
        Completed by `unoise.workflow.config.complete`.
    cases
        Rows of `tables.CASES`.

    Returns
    -------
    dict
        `config`; `seeds`, by their place in it; `code`, the package's version, the Git commit and whether files were
        changed since (null outside a clone); `environment`, Python and every installed library; `hardware`, of the
        machine that writes this; `data`, the SHA-256 of each case's image and label.
    """
    scans = cases.drop_duplicates("case").set_index("case")
    return {
        "experiment": config["experiment"],
        "config": config,
        "seeds": dict(_seeds(config)),
        "code": {"version": metadata.version("unoise"), **_commit()},
        "environment": {
            "python": platform.python_version(),
            "platform": platform.platform(),
            "libraries": _libraries(),
        },
        "hardware": _hardware(),
        "data": {
            case: {"image_sha256": row["image_sha256"], "label_sha256": row["label_sha256"]}
            for case, row in scans.iterrows()
        },
    }


def provenance_section(found: dict) -> list[str]:
    """Paragraphs of the summary that cite what `provenance` found."""
    code, environment, hardware = found["code"], found["environment"], found["hardware"]
    commit = {None: ", not from a clone of its repository", True: ", with changes that are not committed", False: ""}
    made = f"unoise {code['version']}" + (f", commit {code['commit'][:12]}" if code["commit"] else "")
    libraries = ", ".join(f"{name} {environment['libraries'].get(name, '(none)')}" for name in NAMED)
    machine = f"{hardware['cores']} cores of {hardware['processor']}, {hardware['memory_mib'] / 1024:.0f} GiB"
    return [
        f"Made by {escape(made)}{commit[code['changed']]}; Python {environment['python']}, {escape(libraries)}; "
        f"on {escape(', '.join([machine, *hardware['gpus']]))}; seed {found['seeds']['seed']}; "
        f"{count(len(found['data']), 'case')} (hash of all their files' hashes: {content_hash(found['data'])[:12]}). "
        "Every setting, library and file: [provenance.json](provenance.json)."
    ]


def _seeds(config: dict, place: str = "") -> Iterator[tuple[str, object]]:
    for key, value in config.items():
        if key in ("seed", "seeds"):
            yield place + key, value
        elif isinstance(value, dict):
            yield from _seeds(value, f"{place}{key}.")


def _commit() -> dict[str, str | bool | None]:
    """The commit of the clone that the package runs from; null where it is not tracked by Git."""
    if not shutil.which("git") or _git("ls-files", "--error-unmatch", "__init__.py") is None:
        return {"commit": None, "changed": None}
    return {"commit": _git("rev-parse", "HEAD"), "changed": bool(_git("status", "--porcelain", ":/"))}


def _git(*arguments: str) -> str | None:
    done = subprocess.run(["git", *arguments], cwd=PACKAGE, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _libraries() -> dict[str, str]:
    found = {one.metadata["Name"].lower(): one.version for one in metadata.distributions() if one.metadata["Name"]}
    return dict(sorted(found.items()))


def _hardware() -> dict:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_mib": memory >> 20,
        "gpus": _gpus(),
    }


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*: (.*)$", described.read_text(), re.MULTILINE) if described.is_file() else None
    return named[1] if named else platform.processor() or sys.platform


def _gpus() -> list[str]:
    """Names of NVIDIA's GPUs, where its driver is there."""
    if not shutil.which("nvidia-smi"):
        return []
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []
