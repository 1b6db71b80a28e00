"""What all explainers share: their interface, and how one explains a case."""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from unoise import tables
from unoise.compute import Compute, choose, peak_mib
from unoise.data.units import Units, read_parts, read_units, volume
from unoise.data.volumes import write_volume
from unoise.errors import UserError
from unoise.networks.interpreter import Interpreter
from unoise.networks.segmenter import Segmenter
from unoise.targets.base import Target, make_target
from unoise.workflow import methods

HEADER = "{volume} by {explainer}; values compare {where}"
WHERE = {2: "inside a slice only", 3: "in the whole volume"}
REFERENCE_UNITS = 16  # of a training case: at most so many of its slices, evenly spread


@dataclass(frozen=True)
class Context:
    """What an explainer may use.

    Attributes
    ----------
    segmenter
        The model that is explained.
    target
        What of it is explained.
    interpreter
        The trained interpreter where the module `NEEDS` one, else None; trained for what the module says.
    compute
        Device, precision, batch size.
    seed
        Of everything random.
    references
        Units (M, 1, *S) of some training cases, where the module `NEEDS` them.
    atlas
        File of where the target usually is, where the module `NEEDS` the `atlas`.
    """

    segmenter: Segmenter
    target: Target
    interpreter: Interpreter | None
    compute: Compute
    seed: int
    references: Sequence[Tensor] = ()
    atlas: Path | None = None

    def scalar(self, images: Tensor, clean: Tensor) -> Tensor:
        """What a gradient is taken of (N,), for what the network takes at once.

        Parameters
        ----------
        images
            (N, 1, *S).
        clean
            Their clean probabilities (N, classes, *S), constants.
        """
        return self.target.scalar(self.segmenter.logits(images), clean)


class Explainer(ABC):
    """One method with its settings.

    A module, of this package or another, holds one subclass, names it `EXPLAINER`, and declares, as literals, the JSON
    schemas of its `SETTINGS`, what it `NEEDS`, the `VOLUMES` it makes and the `DIMS` of the units it explains, so that
    the workflow need not import it.
    """

    def __init__(self, context: Context):
        self.context = context

    @classmethod
    def passes(cls, settings: dict, shape: tuple[int, ...]) -> int:
        """About how many forward passes of the segmenter a unit of this shape costs (for the estimate of a run).

        A gradient costs about one more: that of the image alone is computed, no weight's.
        """
        return 1

    def begin(self, case: str, files: dict[str, Path]) -> None:  # noqa: B027
        """Get ready for a case.

        Parameters
        ----------
        files
            Its preprocessed `image` and, where the module `NEEDS` it, its `map` or its labelled `structures`.
        """

    @abstractmethod
    def explain(self, units: Units) -> Tensor:
        """Importance (N, *S) of every voxel of the units: the higher, the longer it should stay visible."""

    def volumes(self, units: Units) -> dict[str, Tensor]:
        """All volumes named in `VOLUMES`, each (N, *S)."""
        return {"importance": self.explain(units)}


def make_explainer(
    settings: dict,
    segmenter: Segmenter,
    target: Target,
    interpreter: Interpreter | None,
    compute: Compute,
    references: Sequence[Path] = (),
    atlas: Path | None = None,
) -> Explainer:
    """The explainer of a config entry, with its `method` and `seed`."""
    own = {name: value for name, value in settings.items() if name not in ("method", "seed", "interpreter")}
    method = methods.find("explainers", settings["method"])
    known = [_reference(path, compute, segmenter.dims) for path in references if "references" in method.needs]
    context = Context(segmenter, target, interpreter, compute, settings["seed"], known, atlas)
    return method.load().EXPLAINER(context, **own)


def _reference(path: Path, compute: Compute, dims: int) -> Tensor:
    units, _ = read_parts(path, path.parent.name, compute.device, dims)
    count = min(len(units), REFERENCE_UNITS)
    return units[torch.linspace(0, len(units) - 1, count, device="cpu").round().long()]


class ExplainCases:
    """Runs one explainer for the cases of a job.

    Parameters
    ----------
    settings
        `key`, the values of the columns model, target and explainer; `explainer`, its settings with `method` and
        `seed`; `target`, an entry of the config's `targets`.
    segmenter, interpreter
        Model files; `interpreter` is None where the explainer needs none.
    references
        Preprocessed images of training cases, where the explainer needs them.
    atlas
        Of the target, where the explainer needs it.
    compute
        The config's `compute`.
    """

    def __init__(
        self,
        settings: dict,
        segmenter: Path,
        interpreter: Path | None,
        references: Sequence[Path],
        atlas: Path | None,
        compute: dict,
    ):
        self.key = settings["key"]
        self.compute = choose(compute, compute["case_threads"])
        self.segmenter = Segmenter.load(segmenter, self.compute)
        learned = Interpreter.load(interpreter, self.compute) if interpreter else None
        target = make_target(settings["target"], self.segmenter.classes)
        self.explainer = make_explainer(
            settings["explainer"], self.segmenter, target, learned, self.compute, references, atlas
        )

    def __call__(self, key: dict[str, str], files: dict[str, Path], out: dict[str, Path]) -> None:
        """Write the case's volumes by their names and, as `costs`, a row of `tables.COSTS`.

        Parameters
        ----------
        key
            The case.
        files
            Its preprocessed `image`, the `prediction` and, where the target needs it, the `label`; and what
            `Explainer.begin` is given.

        Raises
        ------
        UserError
            If the explainer returns a map of another shape, values that are not finite, or one value for all voxels
            of every unit with the target.
        """
        case, name = key["case"], self.key["explainer"]
        start, forwards, backwards = time.perf_counter(), self.segmenter.forwards, self.segmenter.backwards
        units, affine = read_units(case, files["image"], files["prediction"], self.compute.device, self.segmenter.dims)
        self.explainer.begin(case, files)
        label = self._label(case, files["label"]) if "label" in files else None
        units = self.explainer.context.target.locate(units, label)
        for kind, maps in self.explainer.volumes(units).items():
            _check(maps, units, case, name)
            if kind == "importance":
                _check_not_constant(maps, self.explainer.context.target.place(units.probabilities), case, name)
            header = HEADER.format(volume=kind, explainer=name, where=WHERE[self.segmenter.dims])
            write_volume(out[kind], volume(maps.detach()), affine, header)
        row = {
            "stage": "explain",
            **self.key,
            "case": case,
            "units": len(units),
            "forwards": self.segmenter.forwards - forwards,
            "backwards": self.segmenter.backwards - backwards,
            "seconds": time.perf_counter() - start,
            "peak_mib": peak_mib(self.compute.device),
        }
        tables.write(out["costs"], tables.COSTS, [row])

    def _label(self, case: str, path: Path) -> Tensor:
        return read_parts(path, case, self.compute.device, self.segmenter.dims)[0][:, 0]


def _check(maps: Tensor, units: Units, case: str, explainer: str) -> None:
    wanted = units.images[:, 0].shape
    wrong = int((~maps.isfinite()).sum())
    if maps.shape != wanted or wrong:
        raise UserError(
            f"{explainer} made maps of shape {tuple(maps.shape)} with {wrong} values that are not finite",
            case=case,
            remedy=f"They must be finite and of shape {tuple(wanted)}; mend the explainer",
        )


def _check_not_constant(maps: Tensor, place: Tensor, case: str, explainer: str) -> None:
    """Maps and the place of the target, (N, *S): a unit without it may have a constant map."""
    flat = maps.flatten(1)
    there = place.flatten(1).any(1)
    constant = there & (flat.amax(1) == flat.amin(1))
    if constant.any():
        said = f"gives one value to all voxels in {int(constant.sum())} of the {int(there.sum())} units with the target"
        if torch.equal(constant, there):
            raise UserError(f"{explainer} {said}", case=case, remedy="Mend the explainer, or choose other settings")
        logging.getLogger("unoise").warning("case %s: %s %s", case, explainer, said)
