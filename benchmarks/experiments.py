"""Running the workflow on configs that a benchmark makes."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[1]


def run(name: str, config: dict, cores: int, wanted: Sequence[str] = ()) -> Path | None:
    """Run one experiment of a benchmark; what is stored is not computed again.

    Parameters
    ----------
    name
        Of the benchmark: the config is kept in `results/<name>/`.
    wanted
        The tables that are needed; all that there is to make where none is named.

    Returns
    -------
    Path or None
        The folder of the experiment's tables; None where it failed, which has been said.
    """
    path = PROJECT / "results" / name / f"{config['experiment']}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    programs = Path(sys.executable).parent
    folder = Path("results", config["experiment"], "tables")
    files = [folder / f"{table}.parquet" for table in wanted]
    for command in (["unoise", "cases"], ["snakemake", *files, "--quiet", "all", "--cores", str(cores)]):
        if subprocess.run([programs / command[0], *command[1:], "--configfile", path], cwd=PROJECT).returncode:
            return None
    return PROJECT / folder
