"""Writing the manifest of an experiment: which cases there are, and in which split."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import pandas as pd

from unoise.data import phantom
from unoise.data.decathlon import Task, read_task
from unoise.data.labels import read_labels
from unoise.data.planted import base as planted
from unoise.data.slice_split import divide, shown_slices
from unoise.data.volumes import open_volume
from unoise.errors import UserError
from unoise.files import content_hash
from unoise.workflow.manifest import ID_PATTERN, LONGEST_ID, SPLITS, Case

Found = tuple[str, str, str, str]  # name in the dataset, image, label, structures


def find_cases(config: dict, known: Iterable[Case] = ()) -> tuple[list[Case], list[str]]:
    """All cases of a config's dataset in which every class is annotated.

    A case that the manifest has already keeps its patient and its split; new patients are drawn into the splits that
    lack most of their share. With `cases.by_slice` slices are divided instead, in the order of the dataset.

    Parameters
    ----------
    config
        A completed config.
    known
        The cases of the manifest as it is.

    Returns
    -------
    cases, left_out
        The rows of the manifest, sorted by id, and one sentence for each case left out.
    """
    found = list(_phantom_cases(config["phantom"]) if "phantom" in config else _task_cases(Path(config["dataset"])))
    known = {case.id: case for case in known}
    patient_of = config["cases"]["patient_of"]
    rows, left_out, names, everyone, seen = {}, [], set(), set(), set()
    for name, image, label, structures in found:
        case = safe_name(name)
        names |= {case, name}
        mine = known[case].patient if case in known else case
        patient = patient_of.get(name, patient_of.get(case, mine))
        everyone.add(patient)
        annotated = {one.rsplit("=", 1)[0] for one in structures.split(";")}
        seen |= annotated
        missing = [key for key, labels in config["classes"].items() if not annotated & set(labels)]
        if missing:
            left_out.append(f"{case}: {', '.join(missing)} is not annotated")
        else:
            rows[case] = (patient, image, label, structures, name if name != case else "")
    if not rows:
        raise UserError(
            f"no case of the dataset has all classes annotated; the first one left out is {left_out[0]}",
            remedy=f"Correct the label names in `classes`; the dataset has: {', '.join(sorted(seen))}",
        )
    _check_names("cases.patient_of", patient_of, names)
    if config["cases"]["by_slice"]:
        return _parts(config, rows, [(safe_name(name), label) for name, _, label, _ in found], left_out)
    given = config["cases"]["split_of"]
    _check_names("cases.split_of", given, everyone)
    patients = {patient for patient, *_ in rows.values()}
    split_of = {patient: split for patient, split in given.items() if patient in patients}
    for case, (patient, *_) in rows.items():
        if case in known and split_of.setdefault(patient, known[case].split) != known[case].split:
            raise UserError(
                f"the manifest has it in {known[case].split!r}, its patient {patient} belongs to {split_of[patient]!r}",
                case=case,
                remedy="Change the split in the manifest by hand, or delete the manifest to draw all splits anew",
            )
    split_of |= _draw(sorted(patients - set(split_of)), split_of, config["cases"]["split_shares"], config["seed"])
    cases = [Case(case, patient, split_of[patient], *rest) for case, (patient, *rest) in sorted(rows.items())]
    return cases, left_out


def _parts(
    config: dict, rows: dict[str, tuple[str, ...]], labels: list[tuple[str, str]], left_out: list[str]
) -> tuple[list[Case], list[str]]:
    """The cases where slices are divided: a scan with slices in several splits becomes a part for each of them."""
    wanted, first = set(chain(*config["classes"].values())), config["cases"]["first_slices"]
    scans = []
    for name, label in labels:
        if first is not None and sum(len(scan.shows) for scan in scans) >= first:
            break
        annotated = Case(name, "", "", "", "", rows[name][3]).label_values() if name in rows else {}
        values = [value for one, value in annotated.items() if one in wanted]
        scans.append(shown_slices(name, Path(config["dataset"]) / label, values, config["preprocess"]["stride"]))
    parts = list(divide(scans, config["cases"]["split_shares"], first))
    if not parts:
        raise UserError(
            f"none of the first {first} slices of the dataset shows a class", remedy="Raise cases.first_slices"
        )
    count = Counter(name for name, _, _ in parts)
    cases = [
        Case(name if count[name] == 1 else f"{name}.{split}", rows[name][0], split, *rows[name][1:], slices)
        for name, split, slices in parts
    ]
    unused = [f"{name}: none of the slices looked at shows a class" for name in rows if not count[name]]
    return sorted(cases, key=lambda case: case.id), left_out + unused


def safe_name(name: str) -> str:
    """An id for a case: `name` where it is one, else its safe characters and a short hash of the whole."""
    if ID_PATTERN.fullmatch(name):
        return name
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[: LONGEST_ID - 7] or "case"
    return f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _draw(patients: list[str], taken: dict[str, str], shares: dict[str, float], seed: int) -> dict[str, str]:
    total = len(patients) + len(taken)
    weight = sum(shares.values())
    wanted = {split: total * shares.get(split, 0) / weight for split in SPLITS}
    lacking = {split: wanted[split] - list(taken.values()).count(split) for split in SPLITS}
    drawn = {}
    for patient in sorted(patients, key=lambda one: content_hash(seed, one)):
        split = max(SPLITS, key=lambda one: lacking[one])
        drawn[patient] = split
        lacking[split] -= 1
    return drawn


def _phantom_cases(settings: dict) -> Iterable[Found]:
    labels = planted.LABELS if settings["planted"] else phantom.LABELS
    structures = ";".join(f"{name}={value}" for name, value in labels.items() if value)
    for number in range(settings["patients"]):
        name = f"phantom_{number:03d}"
        yield name, f"imagesTr/{name}.nii.gz", f"labelsTr/{name}.nii.gz", structures


def _task_cases(folder: Path) -> Iterable[Found]:
    task: Task = read_task(folder)
    for name, image, label in task.cases:
        path = folder / label
        there = read_labels(open_volume(path, name), path, name, task.labels.values(), "the `labels` of dataset.json")
        values = set(pd.unique(there.ravel(order="K")).tolist())
        present = [f"{one}={value}" for one, value in task.labels.items() if value and value in values]
        yield name, image, label, ";".join(present)


def _check_names(place: str, given: Iterable[str], there: set[str]) -> None:
    unknown = sorted(set(given) - there)
    if unknown:
        raise UserError(
            f"{place}: there is no {unknown[0]!r} in the dataset",
            remedy=f"There are: {', '.join(sorted(there)[:20])}",
        )
