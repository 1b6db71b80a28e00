"""Where an organ usually is: what training patients look like, level by level, and where the label has the organ."""

import json
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import safe_open
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, adaptive_avg_pool3d, interpolate

from unoise.data.units import Units, read_parts
from unoise.errors import UserError
from unoise.files import whole_file
from unoise.obscurers.donor import LEVEL_GRID, most_alike
from unoise.targets.base import Target, make_target

CELLS = 64  # at most so many along each axis of a unit
ANYWHERE = 0.01  # weight of where the organ is at any level, for levels at which no one has it
_POOL = {2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}
_MODES = {2: "bilinear", 3: "trilinear"}


@dataclass(frozen=True)
class Atlas:
    """The training patients.

    Attributes
    ----------
    patient_of
        Their cases, each with its patient.
    looks
        By patient, all units (M, 1, *S) seen from afar.
    organs
        By patient, the share of the organ in the cells (M, 1, *cells) of these units, uint8: 255 is all.
    """

    patient_of: dict[str, str]
    looks: dict[str, Tensor]
    organs: dict[str, Tensor]

    def of(self, units: Units) -> Tensor:
        """Mean over the patients, but for the units' own, of the organ at the level that looks most alike: (N, *S).

        A volume is compared with volumes stretched to its shape.

        Raises
        ------
        UserError
            If there is no patient but the units' own.
        """
        own, device = self.patient_of.get(units.case), units.images.device
        others = [patient for patient in self.looks if patient != own]
        if not others:
            raise UserError(
                "an atlas is of other patients, and there is no further one for training",
                case=units.case,
                remedy="Give the split 'train' more patients, or take the atlas out of `explainers:`",
            )
        total: Tensor | float = 0.0
        for patient in others:
            organs = self.organs[patient].to(device).float() / 255
            anywhere = organs.mean(0, keepdim=True)
            level = anywhere
            if len(units.spacing) == 2:
                level = organs[most_alike(units.images, self.looks[patient].to(device))]
            total = total + level + ANYWHERE * anywhere
        shape = units.images.shape[2:]
        return interpolate((total / len(others)).expand(len(units), *total.shape[1:]), shape, mode=_MODES[len(shape)])[
            :, 0
        ]


def write_atlas(
    settings: dict, keys: list[dict[str, str]], images: list[Path], labels: list[Path], dims: int, out: Path
) -> None:
    """Make the atlas of a target, of its class's labels, and write it as safetensors.

    Parameters
    ----------
    settings
        `target`, an entry of the config's `targets`; `classes`, the names of the classes.
    keys
        Values of the key columns case and patient, of each training case.
    images, labels
        Preprocessed volumes, one of each a case.
    dims
        Of a unit.
    """
    target = make_target(settings["target"], settings["classes"])
    parts: dict[str, list[Tensor]] = {}
    for key, image, label in zip(keys, images, labels, strict=True):
        for name, part in zip(("looks", "organs"), _case(key["case"], image, label, target, dims), strict=True):
            parts.setdefault(f"{name}/{key['patient']}", []).append(part)
    patient_of = {key["case"]: key["patient"] for key in keys}
    with whole_file(out) as temporary:
        joined = {name: torch.cat(found).contiguous() for name, found in parts.items()}
        safetensors.torch.save_file(joined, temporary, metadata={"patient_of": json.dumps(patient_of)})


def read_atlas(path: Path) -> Atlas:
    """Read what `write_atlas` wrote."""
    with safe_open(path, "pt") as file:
        patient_of = json.loads(file.metadata()["patient_of"])
    stored = safetensors.torch.load_file(path)
    patients = sorted(set(patient_of.values()))
    return Atlas(patient_of, *({one: stored[f"{name}/{one}"] for one in patients} for name in ("looks", "organs")))


def _case(case: str, image: Path, label: Path, target: Target, dims: int) -> tuple[Tensor, Tensor]:
    cpu = torch.device("cpu")
    images, labels = (read_parts(path, case, cpu, dims)[0] for path in (image, label))
    organ = (labels == target.channel + 1).float()
    cells = [min(CELLS, side) for side in organ.shape[2:]]
    return _POOL[dims](images, LEVEL_GRID), (255 * _POOL[dims](organ, cells)).round().to(torch.uint8)
