"""The validation cases, in the groups over which the score of an epoch is averaged."""

from collections.abc import Sequence

import torch
from torch import Tensor

from unoise.compute import Compute
from unoise.data.units import read_parts
from unoise.training.patches import showing
from unoise.training.slices import CaseFiles

Group = list[tuple[Tensor, Tensor]]


def read_groups(cases: CaseFiles, settings: dict, compute: Compute) -> list[Group]:
    """Pairs of images (N, 1, *S) and class values (N, 1, *S), a pair a case, grouped by patient.

    Parameters
    ----------
    settings
        A config's `training`. With a `patch` the units are volumes, else slices. With its `validate_by: batch` a group
        is one batch of the parts that show a class, in the order of the cases, whoever's they are (published).
        With `labels: permuted` there are none: true labels would choose the epoch that learned least of the permuted.
    """
    if "labels" in settings:
        return []
    patch = settings.get("patch")
    dims = 3 if patch else 2
    patients: dict[str, Group] = {}
    for case, patient, image, label in zip(cases.ids, cases.patients, cases.images, cases.labels, strict=True):
        pair = tuple(read_parts(path, case, compute.device, dims)[0] for path in (image, label))
        patients.setdefault(patient, []).append(pair)
    groups = list(patients.values())
    return groups if settings["validate_by"] == "patient" else _batches(groups, settings["batch_size"], patch)


def _batches(groups: list[Group], size: int, patch: Sequence[int] | None) -> list[Group]:
    pairs = [showing(*pair, patch) for group in groups for pair in group]
    joined = [torch.cat(part) for part in zip(*pairs, strict=True)]
    return [[pair] for pair in zip(*(one.split(size) for one in joined), strict=True)]
