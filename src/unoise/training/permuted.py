"""Training cases whose labels are somebody else's, for sanity checks (Adebayo et al. 2018, arXiv 1810.03292)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from unoise.compute import generator
from unoise.training.slices import CaseFiles


@dataclass(frozen=True)
class PermutedCases(CaseFiles):
    """Cases with the labels of other patients, the slices at the same share of the height.

    Attributes
    ----------
    seed
        Of the draw in `lenders`.
    """

    seed: int

    def read(self, dims: int) -> tuple[list[Tensor], list[Tensor], float]:
        images, labels, body_mean = super().read(dims)
        axis = {2: 0, 3: -1}[dims]
        borrowed = (labels[lender] for lender in lenders(self.patients, self.seed))
        return (
            images,
            [_as_high(label, image.shape[axis], axis) for image, label in zip(images, borrowed, strict=True)],
            body_mean,
        )


def lenders(patients: list[str], seed: int) -> list[int]:
    """For each case the number of the case that lends its label: one of another patient.

    Each patient takes from the next one in a circle whose order is drawn; its cases take from that one's in turn.

    Parameters
    ----------
    patients
        Whose each case is; at least two different ones.
    """
    distinct = list(dict.fromkeys(patients))
    drawn = torch.randperm(len(distinct), generator=generator(seed, "permuted labels"), device="cpu").tolist()
    circle = [distinct[number] for number in drawn]
    following = dict(zip(circle, [*circle[1:], circle[0]], strict=True))
    cases = {one: [number for number, patient in enumerate(patients) if patient == one] for one in distinct}
    taken = dict.fromkeys(distinct, 0)
    found = []
    for patient in patients:
        theirs = cases[following[patient]]
        found.append(theirs[taken[patient] % len(theirs)])
        taken[patient] += 1
    return found


def _as_high(label: Tensor, height: int, axis: int) -> Tensor:
    """A label with as many slices as `height` along an axis: the nearest at the same share of its own height."""
    own = label.shape[axis]
    middles = (torch.arange(height, device="cpu") + 0.5) * own / height
    return label.index_select(axis, middles.long())
