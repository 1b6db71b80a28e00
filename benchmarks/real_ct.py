"""How the explanations fare on real CT, each patient left out in turn.

For every patient a fold of its own is run by the workflow: a segmenter and the interpreters are trained on the other
patients as `config/abdomen_ct.yaml` says, and all explainers are evaluated on the one left out. Prints the agreement at
2, 5, 10 and 20 % visible, kept first, fold by fold, whether ours lies above every control at 5 and 10 %, and all folds
in one Markdown table with the best control of each cell.

    UNOISE_ABDOMEN_CT=PATH_TO_DECATHLON_TASK python benchmarks/real_ct.py [--organ liver] [--cores 2]

Stored folds are not computed again. With so few patients there is no p-value.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

import pandas as pd
import yaml

from experiments import PROJECT, run
from unoise import tables
from unoise.data.cases import find_cases
from unoise.errors import UserError
from unoise.workflow.config import complete

OURS = "u-noise"
VISIBILITIES = (0.02, 0.05, 0.1, 0.2)
DECISIVE = (0.05, 0.1)


def folds(task: Path, organ: str) -> dict[str, dict]:
    """A config for every patient with the organ, by experiment: this patient is tested, the others are learned from."""
    base = yaml.safe_load((PROJECT / "config" / "abdomen_ct.yaml").read_text(encoding="utf-8"))
    patient_of = base["cases"]["patient_of"]
    name = organ.replace("_", "-")
    asked = {"classes": {name: [organ]}, "targets": {name: {"class": name}}}
    whole = base | asked | {"dataset": str(task), "cases": {"patient_of": patient_of}}
    found, without = find_cases(complete(whole))
    for sentence in without:
        print(f"left out: {sentence}")
    patients = sorted({case.patient for case in found})
    made = {}
    for left_out in patients:
        split_of = {patient: "test" if patient == left_out else "train" for patient in patients}
        experiment = re.sub(r"[^a-z0-9]+", "-", f"real-ct-{organ}-{left_out}".lower())
        cases = {"patient_of": patient_of, "split_of": split_of}
        made[experiment] = whole | {"experiment": experiment, "cases": cases}
    return made


def shown(curves: pd.DataFrame) -> pd.DataFrame:
    """Mean agreement by obscurer, explainer and visibility, kept first, judged by the segmenter."""
    kept = curves[(curves.order == "kept_first") & (curves.split == "test") & (curves.judge == "original")]
    kept = kept[kept.visibility.isin(VISIBILITIES)]
    return kept.groupby(["obscurer", "explainer", "visibility"]).agreement.mean().unstack()


def above_controls(table: pd.DataFrame) -> bool:
    """Whether ours lies above every control under every obscurer at the decisive visibilities."""
    controls = table[table.index.get_level_values("explainer").str.startswith("control-")]
    best = controls.groupby("obscurer").max()
    return bool((table.xs(OURS, level="explainer")[list(DECISIVE)] > best[list(DECISIVE)]).all(axis=None))


def beside_best_control(table: pd.DataFrame) -> pd.DataFrame:
    """By obscurer, what each explainer reaches at `VISIBILITIES`, and the best control of each cell."""
    explainers = table.index.get_level_values("explainer")
    controls = table[explainers.str.startswith("control-")].groupby("obscurer").max()
    controls.index = pd.MultiIndex.from_product([controls.index, ["best control"]], names=table.index.names)
    rows = pd.concat([table[~explainers.str.startswith("control-")], controls])
    return rows.map(lambda value: "-" if pd.isna(value) else f"{value:.2f}").agg(" ".join, axis=1).unstack()


def main() -> None:
    """Read the command line, run the folds, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--organ", default="liver", help="a label name of the task")
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()
    task = os.environ.get("UNOISE_ABDOMEN_CT")
    if not task or not (Path(task) / "dataset.json").is_file():
        parser.error("set UNOISE_ABDOMEN_CT to the folder of a Decathlon task of the abdomen (it holds dataset.json)")
    found = {}
    try:
        made = folds(Path(task).resolve(), options.organ)
    except UserError as error:
        sys.exit(str(error))
    for experiment, config in made.items():
        folder = run("real-ct", config, options.cores)
        if folder is None:
            print(f"\n{experiment}: it failed, see above")
            continue
        found[experiment] = shown(tables.read(folder / "curves.parquet", tables.CURVES))
        print(f"\n{experiment}: agreement, kept first, one patient (no p-value)")
        print(found[experiment].to_string(float_format="{:.2f}".format, na_rep="-"))
    print()
    for experiment, table in found.items():
        above = f"{OURS} lies {'above' if above_controls(table) else 'NOT above'} every control at 5 and 10 %"
        print(f"{experiment}: {'the segmenter finds nothing to explain' if table.isna().all(axis=None) else above}")
    if found:
        whole = pd.concat({one: beside_best_control(table) for one, table in found.items()}, names=["fold"])
        print("\n" + whole.reset_index().to_markdown(index=False, disable_numparse=True))


if __name__ == "__main__":
    main()
