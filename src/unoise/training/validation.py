"""The validation cases, in the groups over which the score of an epoch is averaged."""

import torch
from torch import Tensor

from unoise.compute import Compute
from unoise.data.units import read_slices
from unoise.training.slices import CaseFiles

Group = list[tuple[Tensor, Tensor]]


def read_groups(cases: CaseFiles, settings: dict, compute: Compute) -> list[Group]:
    """Pairs of images (N, 1, X, Y) and class values (N, X, Y), a pair a case, grouped by patient.

    Parameters
    ----------
    settings
        A config's `training`. With its `validate_by: batch` a group is one batch of the slices that show a class, in
        the order of the cases, whoever's they are (published).
    """
    patients: dict[str, Group] = {}
    for case, patient, image, label in zip(cases.ids, cases.patients, cases.images, cases.labels, strict=True):
        images, labels = (read_slices(path, case, compute.device)[0] for path in (image, label))
        patients.setdefault(patient, []).append((images, labels[:, 0]))
    groups = list(patients.values())
    return groups if settings["validate_by"] == "patient" else _batches(groups, settings["batch_size"])


def shown(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The slices that show a class."""
    keep = (labels > 0).flatten(1).any(1)
    return images[keep], labels[keep]


def _batches(groups: list[Group], size: int) -> list[Group]:
    pairs = [shown(*pair) for group in groups for pair in group]
    joined = [torch.cat(part) for part in zip(*pairs, strict=True)]
    return [[pair] for pair in zip(*(one.split(size) for one in joined), strict=True)]
