"""What is wrong with an explainer, in one list."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from unoise.data.units import Units
from unoise.errors import UserError
from unoise.explainers.base import Explainer
from unoise.testing.declarations import declaration_faults, setting_faults
from unoise.testing.made import Trial, WatchedSegmenter, make_trial
from unoise.testing.watch import NoDevice, labels_opened
from unoise.workflow import methods
from unoise.workflow.sources import module_file

CLOSE = 1e-4  # of a map's range
WHERE = {2: "slices", 3: "a volume"}


class FaultyExplainer(AssertionError):
    """An explainer breaks its contract; `faults` says how, one sentence each."""

    def __init__(self, method: str, faults: list[str]):
        self.faults = faults
        super().__init__("\n".join([f"{method} has {len(faults)} fault(s):", *(f"- {one}" for one in faults)]))


def check_explainer(method: str, **settings: object) -> None:
    """Try an explainer on made slices and, where its `DIMS` say so, on a made volume, with a tiny segmenter.

    The segmenter's layers are `first`, `active` and `last`.

    Parameters
    ----------
    method
        As a config names it; or the module, such as "my_package.my_module", registered or not.
    settings
        Those that have no default, and others to try.

    Raises
    ------
    FaultyExplainer
        If a declaration is missing or wrong, or maps have the wrong shape, device or type, are not finite, or constant
        where something is predicted; if they are others the next time, or in another batch; if the explainer changes
        what it was given, leaves gradients on or hooks behind, makes tensors without a device or looks at a label.
    """
    try:
        known = (
            methods.find("explainers", method) if method in methods.names("explainers") else methods.declared(method)
        )
    except UserError as error:
        raise FaultyExplainer(method, [str(error)]) from None
    faults = declaration_faults(known)
    if not faults:
        faults = setting_faults(known, settings)
    if not faults:
        chosen = {name: one["default"] for name, one in known.settings.items() if "default" in one} | settings
        chosen.pop("interpreter", None)
        for dims in known.dims:
            with TemporaryDirectory() as folder, _put_back(), torch.enable_grad():
                found = _faults(known, chosen, make_trial(known, dims, Path(folder)))
            faults += [f"{WHERE[dims]}: {one}" for one in found]
    if faults:
        raise FaultyExplainer(method, faults)


def _faults(method: methods.Method, settings: dict, trial: Trial) -> list[str]:
    """Of the maps of a trial."""
    given = _copy(trial.units)
    before = _state(trial.context.segmenter)
    with labels_opened() as labels, NoDevice(module_file(method.module).parent) as devices, _seeded(0):
        try:
            volumes = _ready(method, settings, trial).volumes(given)
        except (Exception, SystemExit) as error:
            return [f"it fails: {type(error).__name__}: {error}"]
    faults = _of_volumes(volumes, method, trial)
    if faults:
        return faults
    faults += _left_behind(before, trial, given, volumes)
    if devices.lines:
        faults.append(f"it makes tensors without naming a device: {', '.join(sorted(devices.lines))}")
    if labels:
        faults.append(f"it opens {', '.join(labels)}: an explanation must not know the label")
    for need, used in _used(trial.context.segmenter).items():
        if used and need not in method.needs:
            faults.append(f'it uses {need}, and NEEDS does not say "{need}"')
    with _seeded(1):
        try:
            return faults + _when_repeated(method, settings, trial, volumes["importance"])
        except (Exception, SystemExit) as error:
            return [*faults, f"it fails when it runs again, or on a slice alone: {type(error).__name__}: {error}"]


def _when_repeated(method: methods.Method, settings: dict, trial: Trial, maps: Tensor) -> list[str]:
    explainer = _ready(method, settings, trial)
    if not all(_alike(maps, explainer.explain(_copy(trial.units))) for _ in range(2)):
        return ["its maps are others when it runs again: seed by the context's seed, the case and the unit"]
    alone = torch.cat([_ready(method, settings, trial).explain(one) for one in _one_by_one(trial.units)])
    return [] if _alike(maps, alone) else ["the map of a slice depends on the slices that are explained with it"]


def _ready(method: methods.Method, settings: dict, trial: Trial) -> Explainer:
    explainer = method.load().EXPLAINER(trial.context, **settings)
    explainer.begin(trial.units.case, trial.files)
    return explainer


def _of_volumes(volumes: dict[str, Tensor], method: methods.Method, trial: Trial) -> list[str]:
    images = trial.units.images[:, 0]
    if not isinstance(volumes, dict) or set(volumes) != set(method.volumes):
        return [f"it makes {', '.join(volumes)}, VOLUMES names {', '.join(method.volumes)}"]
    faults = []
    for name, one in volumes.items():
        if not isinstance(one, Tensor):
            faults.append(f"{name} is a {type(one).__name__}, not a tensor")
        elif one.shape != images.shape:
            faults.append(f"the shape of {name} is {tuple(one.shape)}, not {tuple(images.shape)}, that of the units")
        elif one.device != images.device or one.dtype != torch.float32:
            faults.append(f"{name} is {one.dtype} on {one.device}, not torch.float32 on {images.device}")
        elif not one.isfinite().all():
            faults.append(f"{int((~one.isfinite()).sum())} values of {name} are not finite")
    if faults:
        return faults
    there = trial.context.target.predicted(trial.units.probabilities).flatten(1).any(1)
    flat = volumes["importance"].flatten(1)
    constant = int((there & (flat.amax(1) == flat.amin(1))).sum())
    return [f"{constant} of {int(there.sum())} maps with a prediction hold one value everywhere"] if constant else []


def _left_behind(before: dict[str, object], trial: Trial, given: Units, volumes: dict[str, Tensor]) -> list[str]:
    faults = []
    if not torch.is_grad_enabled():
        faults.append("it leaves gradients switched off for everybody")
    if any(one.requires_grad for one in (*volumes.values(), given.images, given.probabilities)):
        faults.append("it leaves gradients on: detach the map and what you differentiate by")
    if not (
        torch.equal(given.images, trial.units.images) and torch.equal(given.probabilities, trial.units.probabilities)
    ):
        faults.append("it changes the units it is given: work on a copy")
    after = _state(trial.context.segmenter)
    return faults + [f"it changes the {name}" for name in before if before[name] != after[name]]


def _state(segmenter: WatchedSegmenter) -> dict[str, object]:
    """What nobody may change, in values that can be compared."""
    network = segmenter.network
    weights = list(network.state_dict().values())
    return {
        "settings of torch, which hold for everybody": _of_torch(),
        "classes, window or body mean of the segmenter": (*segmenter.classes, *segmenter.window, segmenter.body_mean),
        "weights of the segmenter": [one.numpy().tobytes() for one in weights],
        "mode (training or evaluation) of the segmenter": [one.training for one in network.modules()],
        "gradients of the segmenter": [(one.requires_grad, one.grad is None) for one in network.parameters()],
        "hooks of the segmenter": [
            (len(one._forward_hooks), len(one._forward_pre_hooks), len(one._backward_hooks))
            for one in network.modules()
        ],
    }


def _used(segmenter: WatchedSegmenter) -> dict[str, bool]:
    return {"gradient": segmenter.backwards > 0, "layers": segmenter.asked_for_layer}


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and bool((one - other).abs().max() <= CLOSE * (one.max() - one.min()))


def _one_by_one(units: Units) -> list[Units]:
    return [units.select(torch.arange(len(units), device="cpu") == place) for place in range(len(units))]


def _copy(units: Units) -> Units:
    return replace(units, images=units.images.clone(), probabilities=units.probabilities.clone())


def _of_torch() -> tuple[bool, int, torch.dtype]:
    return torch.are_deterministic_algorithms_enabled(), torch.get_num_threads(), torch.get_default_dtype()


@contextmanager
def _put_back() -> Iterator[None]:
    """Settings of torch that an explainer must not change, as they were when the block ends."""
    deterministic, threads, dtype = _of_torch()
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(deterministic)
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Global random numbers that an explainer must not depend on, put back afterwards."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002
