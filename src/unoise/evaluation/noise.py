"""How much noise, in HU, an importance map says that every voxel bears: fitted on some patients, measured on others.

The scale σ(x) has a joint meaning: independent noise N(0, (s·σ(x))²) HU in all voxels at once keeps, at s = 1, an
expected agreement of 95 % with the clean prediction.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor

from unoise import tables
from unoise.compute import choose, normal
from unoise.data.units import Units, read_parts, read_units, volume
from unoise.data.volumes import write_volume
from unoise.errors import UserError
from unoise.evaluation.masks import ranks, tie_breakers
from unoise.evaluation.shown import FILES, read_shown
from unoise.files import write_json
from unoise.networks.segmenter import Segmenter
from unoise.targets.base import Target, make_target

AGREEMENT = 0.95
BINS = 10
TRIED_HU = np.geomspace(5, 5120, 21)  # of the noise within one bin
FACTORS = (0.25, 0.5, 0.71, 1.0, 1.41, 2.0, 4.0)  # of the whole scale
TRIAL_FILES = (*FILES, "body")
HEADER = "noise scale in HU by {explainer}"


@dataclass(frozen=True)
class NoiseScale:
    """σ in HU by the share of the body that is more important than a voxel.

    Attributes
    ----------
    sigma_hu
        At the centres of equal shares of the body, from the most important to the least.
    smallest, largest
        Below `smallest` σ is 0; `largest` is the clinical maximum. In HU.
    """

    sigma_hu: tuple[float, ...]
    smallest: float
    largest: float

    def of(self, shares: Tensor) -> Tensor:
        """σ in HU, on a log scale between the centres, from shares in [0, 1] of any shape."""
        centres = (np.arange(len(self.sigma_hu)) + 0.5) / len(self.sigma_hu)
        logs = np.interp(shares.cpu().numpy(), centres, np.log(self.sigma_hu))
        sigma = torch.from_numpy(np.exp(logs)).float().to(shares.device).clamp(max=self.largest)
        return torch.where(sigma < self.smallest, 0.0, sigma)


@dataclass(frozen=True)
class NoisyCase:
    """The evaluated units of a case, with what the noise trials need; all but `patient` and `units` are (N, *S).

    Attributes
    ----------
    clean
        What the segmenter decides without noise, bool.
    body
        Inside of the patient's outline, bool.
    shares
        Share of the unit's body that is more important than the voxel.
    drawn
        Standard normal noise, the same for every trial.
    """

    patient: str
    units: Units
    clean: Tensor
    body: Tensor
    shares: Tensor
    drawn: Tensor

    def kept(self, decided: Tensor, target: Target) -> Tensor:
        """What of the target stays (N, *S), bool, when the segmenter decides so; see `Target.kept`."""
        return target.kept(decided, self.clean, target.place(self.units.probabilities))


def read_noisy_cases(
    keys: list[dict[str, str]], files: dict[str, list[Path]], segmenter: Segmenter, target: Target, settings: dict
) -> list[NoisyCase]:
    """Cases with at least one evaluated unit.

    Parameters
    ----------
    keys, files
        Key columns of each case; its `TRIAL_FILES`.
    settings
        `min_voxels` and `seed`.
    """
    device, cases, seed = segmenter.compute.device, [], settings["seed"]
    for number, key in enumerate(keys):
        case, paths = key["case"], {name: listed[number] for name, listed in files.items()}
        shown = read_shown(case, paths, target, settings["min_voxels"], device, segmenter.dims)
        if len(shown.units):
            body = read_parts(paths["body"], case, device, segmenter.dims)[0][shown.keep][:, 0] > 0
            streams = [(seed, "noise scale", case, index) for index in shown.units.index]
            drawn = normal(streams, shown.units.images.shape[2:], device)
            clean = target.decided(shown.units.probabilities)
            shares = body_shares(shown.places(seed), body)
            cases.append(NoisyCase(key["patient"], shown.units, clean, body, shares, drawn))
    return cases


def body_shares(places: Tensor, body: Tensor) -> Tensor:
    """Share (N, *S) of a unit's body voxels that come before each voxel, from places in descending importance.

    Voxels outside of the body stand between those of the body; a unit without body has shares of 0.
    """
    flat, inside = places.flatten(1), body.flatten(1)
    order = torch.empty_like(flat).scatter_(1, flat, torch.arange(flat.shape[1], device=flat.device).expand_as(flat))
    before = inside.gather(1, order).long().cumsum(1) - inside.gather(1, order).long()
    share = before.gather(1, flat) / inside.sum(1, keepdim=True).clamp_min(1)
    return share.clamp(0, 1).reshape(places.shape)


class NoiseTrial:
    """The agreement that is left, as the mean over patients, when noise is added to all units of some cases.

    Patients in whom there is nothing of the target without noise have no reference and take no part.

    Raises
    ------
    UserError
        If that leaves no patient.
    """

    def __init__(self, cases: list[NoisyCase], segmenter: Segmenter, target: Target):
        patients = {case.patient for case in cases if case.kept(case.clean, target).any()}
        if not patients:
            raise UserError(
                f"noise: the segmenter finds no {target.name} in any patient, or the region is empty in all",
                remedy="Train the segmenter longer, leave the target out, or leave noise.explainers empty",
            )
        self.cases = [case for case in cases if case.patient in patients]
        self.segmenter, self.target = segmenter, target

    def agreement(self, sigma_hu: Callable[[NoisyCase], Tensor]) -> float:
        """With the standard deviation in HU (N, *S) that a function gives for each case."""
        window = self.segmenter.window[1] - self.segmenter.window[0]
        counts: dict[str, np.ndarray] = {}
        for case in self.cases:
            noisy = case.units.images + (sigma_hu(case) / window * case.drawn)[:, None]
            decided = self.target.decided(self.segmenter.probabilities(noisy))
            kept, whole = (case.kept(one, self.target) for one in (decided, case.clean))
            both, total = (kept & whole).sum().item(), (kept.sum() + whole.sum()).item()
            counts[case.patient] = counts.get(case.patient, 0) + np.array([2 * both, total])
        return float(np.mean([both / total for both, total in counts.values()]))

    def tolerated(self, within: Callable[[NoisyCase], Tensor]) -> float | None:
        """The uniform σ in HU, within a region (N, *S) of each case, that costs 5 %; None where none does.

        It is interpolated on a log scale between two that are tried.
        """
        last = 1.0
        for number, sigma in enumerate(TRIED_HU):
            now = self.agreement(lambda case, sigma=sigma: sigma * within(case).float())
            if now < AGREEMENT:
                before = TRIED_HU[max(0, number - 1)]
                part = (last - AGREEMENT) / (last - now)
                return float(np.exp(np.log(before) + part * (np.log(sigma) - np.log(before))))
            last = now
        return None


def fit_noise_scale(trial: NoiseTrial, smallest: float, largest: float) -> NoiseScale:
    """The scale whose shape is what each share of the body bears alone, and whose height is what all bear together.

    Parameters
    ----------
    smallest, largest
        As in `NoiseScale`.
    """
    borne = []
    for number in range(BINS):
        alone = trial.tolerated(lambda case, number=number: case.body & (bins(case.shares) == number))
        borne.append(alone or TRIED_HU[-1])

    def scaled(log_factor: float) -> NoiseScale:
        return NoiseScale(tuple(float(one * np.exp(log_factor)) for one in borne), smallest, largest)

    def excess(log_factor: float) -> float:
        scale = scaled(log_factor)
        return trial.agreement(lambda case: scale.of(case.shares)) - AGREEMENT

    low, high = np.log(1e-3), np.log(1e2)
    if excess(high) >= 0:
        return scaled(high)
    return scaled(brentq(excess, low, high, xtol=0.02))


def bins(shares: Tensor) -> Tensor:
    """Number of the equal share of the body in which a voxel lies, 0 for the most important."""
    return (shares * BINS).long().clamp(max=BINS - 1)


def write_fitted_scale(
    settings: dict, segmenter: Path, keys: list[dict], files: dict[str, list[Path]], out: Path, compute: dict
) -> None:
    """Fit a map's noise scale on some patients, and write it as JSON.

    Parameters
    ----------
    settings
        `target`, `min_voxels`, `seed`, `smallest_hu` and `largest_hu`.
    segmenter
        Model file.
    keys, files
        As `read_noisy_cases`.
    """
    trial = _trial(settings, segmenter, keys, files, compute)
    write_json(out, asdict(fit_noise_scale(trial, settings["smallest_hu"], settings["largest_hu"])))


def measure_noise_scale(
    settings: dict,
    segmenter: Path,
    keys: list[dict],
    files: dict[str, list[Path]],
    scale: Path,
    out: dict[str, Path],
    compute: dict,
) -> None:
    """Measure a fitted scale on other patients.

    Parameters
    ----------
    settings, segmenter, keys, files
        As `write_fitted_scale`; `key` holds the columns model, target and explainer.
    scale
        What `write_fitted_scale` wrote.
    out
        Paths of `joint`, the agreement under all noise at once (`tables.NOISE`), and `bins`, the tolerance of each
        tenth of the body by predicted scale (`tables.NOISE_BINS`).
    """
    trial = _trial(settings, segmenter, keys, files, compute)
    fitted = read_scale(scale)
    patients = len({case.patient for case in trial.cases})
    joint = [
        {
            **settings["key"],
            "factor": factor,
            "patients": patients,
            "agreement": trial.agreement(lambda case, f=factor: f * fitted.of(case.shares)),
        }
        for factor in FACTORS
    ]
    tables.write(out["joint"], tables.NOISE, joint)
    rows = []
    for number in range(BINS):

        def within(case: NoisyCase, number: int = number) -> Tensor:
            return case.body & (bins(_scale_shares(fitted.of(case.shares), case)) == number)

        sigmas = torch.cat([fitted.of(case.shares)[within(case)] for case in trial.cases])
        rows.append(
            {
                **settings["key"],
                "bin": number + 1,
                "patients": patients,
                "predicted_hu": sigmas.mean().item(),
                "tolerated_hu": trial.tolerated(within),
            }
        )
    tables.write(out["bins"], tables.NOISE_BINS, rows)


def read_scale(path: Path) -> NoiseScale:
    """What `write_fitted_scale` wrote."""
    return NoiseScale(**json.loads(path.read_text(encoding="utf-8")))


class NoiseScaleCases:
    """Writes the noise scale of each case of a job as a volume in HU, from its importance map.

    Parameters
    ----------
    explainer
        For the file's header.
    scale
        What `write_fitted_scale` wrote.
    seed
        Of the ties.
    dims
        Of a unit.
    """

    def __init__(self, explainer: str, scale: Path, seed: int, dims: int):
        self.explainer, self.scale, self.seed, self.dims = explainer, read_scale(scale), seed, dims

    def __call__(self, key: dict[str, str], files: dict[str, Path], out: dict[str, Path]) -> None:
        """From the case's `image`, `prediction`, `body` and `importance` to its `noise_scale`."""
        cpu = torch.device("cpu")
        units, affine = read_units(key["case"], files["image"], files["prediction"], cpu, self.dims)
        body, importance = (
            read_parts(files[name], key["case"], cpu, self.dims)[0][:, 0] for name in ("body", "importance")
        )
        places = ranks(importance, tie_breakers(units, self.seed))
        sigma = self.scale.of(body_shares(places, body > 0))
        write_volume(out["noise_scale"], volume(sigma), affine, HEADER.format(explainer=self.explainer))


def _scale_shares(sigma: Tensor, case: NoisyCase) -> Tensor:
    """Share of the unit's body with a smaller σ, equal ones in the order of the map."""
    return body_shares(ranks(-sigma, -case.shares), case.body)


def _trial(
    settings: dict, segmenter: Path, keys: list[dict], files: dict[str, list[Path]], compute: dict
) -> NoiseTrial:
    model = Segmenter.load(segmenter, choose(compute, compute["training_threads"]))
    target = make_target(settings["target"], model.classes)
    return NoiseTrial(read_noisy_cases(keys, files, model, target, settings), model, target)
