"""The evaluation that the U-Noise paper used (arXiv 2101.05791, section 3), with each of its faults as a switch."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unoise import tables
from unoise.compute import choose
from unoise.data.units import Units, read_parts
from unoise.evaluation.masks import ranks, tie_breakers, visible
from unoise.networks.segmenter import Segmenter
from unoise.targets.base import Target, make_target

STEPS = np.linspace(0, 1, 21)
BATCH = 32
HALF = None  # in the place of a threshold: the median


@dataclass(frozen=True)
class Slices:
    """The slices of a split that show the target, in the order of the cases.

    Attributes
    ----------
    images
        (N, 1, X, Y) float32 in window units.
    labelled
        (N, X, Y) bool.
    hidden_first
        (N, X, Y) float32: the higher, the sooner a voxel is hidden. The noise scale B, or minus the importance.
    tie_breakers
        (N, X, Y) float32.
    patients
        Whose slice it is.
    """

    images: Tensor
    labelled: Tensor
    hidden_first: Tensor
    tie_breakers: Tensor
    patients: list[str]


def evaluate_paper_protocols(
    settings: dict,
    segmenter: Path,
    cases: list[dict],
    files: dict[str, list[Path]],
    card: dict,
    out: Path,
    compute: dict,
) -> None:
    """Evaluate the maps of one explainer by each protocol of the config; write rows of `tables.PAPER_PROTOCOL`.

    Parameters
    ----------
    settings
        `key`, the values of the columns model, target and explainer; `target`; `seed`; `protocols`, the config's
        `paper_protocols`; `volume`, "noise_scale" or "importance". Importance has no natural thresholds: it is cut at
        quantiles over all slices.
    segmenter
        Model file.
    cases, files
        Key columns of each case; preprocessed `image` and `label` and the `map` of each.
    card
        Of the explainer's interpreter; empty without one.
    """
    model = Segmenter.load(segmenter, choose(compute, compute["training_threads"]))
    tables.write(out, tables.PAPER_PROTOCOL, protocol_rows(model, settings, cases, files, card))


def protocol_rows(
    model: Segmenter, settings: dict, cases: list[dict], files: dict[str, list[Path]], card: dict
) -> Iterator[dict]:
    """The rows of `evaluate_paper_protocols`, whose parameters these are."""
    target = make_target(settings["target"], model.classes)
    sign = {"noise_scale": 1, "importance": -1}[settings["volume"]]
    splits = {}
    for split in dict.fromkeys(key["split"] for key in cases):
        mine = [number for number, key in enumerate(cases) if key["split"] == split]
        paths = {name: [listed[number] for number in mine] for name, listed in files.items()}
        splits[split] = _read(
            [cases[number] for number in mine], paths, sign, target, settings["seed"], model.compute.device
        )
    counted: dict[tuple[str, ...], list[tuple[float | None, Tensor]]] = {}
    for name, protocol in settings["protocols"].items():
        shown = splits.get(protocol["split"])
        if shown is None or not len(shown.images):
            continue
        pool = {"batch": _batches, "patient": _patients}[protocol["pooling"]](shown)
        way = tuple(protocol[switch] for switch in ("split", "threshold", "fill"))
        if way not in counted:
            natural = settings["volume"] == "noise_scale"
            counted[way] = [
                (threshold, _counts(model, target, shown, masks, protocol["fill"]))
                for threshold, masks in _levels(shown, protocol["threshold"], natural)
            ]
        for threshold, counts in counted[way]:
            visibility, dice = _pooled(counts, pool)
            yield {
                **settings["key"],
                "parameters": card.get("parameters"),
                "pretrained": card.get("pretrained"),
                "protocol": name,
                "split": protocol["split"],
                "threshold": threshold,
                "visibility": visibility,
                "dice": dice,
                "slices": len(shown.images),
            }


def _read(
    cases: list[dict], files: dict[str, list[Path]], sign: int, target: Target, seed: int, device: torch.device
) -> Slices:
    parts = []
    for number, key in enumerate(cases):
        images, label, maps = (
            read_parts(files[name][number], key["case"], device, dims=2)[0] for name in ("image", "label", "map")
        )
        labelled = target.labelled(label[:, 0])
        keep = labelled.flatten(1).any(1)
        index = tuple(keep.nonzero()[:, 0].tolist())
        units = Units(key["case"], index, images[keep], images.new_zeros(len(index), 0), ())
        parts.append((images[keep], labelled[keep], sign * maps[keep, 0], tie_breakers(units, seed)))
    joined = [torch.cat(part) for part in zip(*parts, strict=True)]
    owners = [key["patient"] for key, part in zip(cases, parts, strict=True) for _ in part[0]]
    return Slices(*joined, owners)


def _levels(shown: Slices, threshold: str, natural: bool) -> Iterator[tuple[float | None, Tensor]]:
    """Thresholds with the masks (N, X, Y), bool, of what they leave visible; the last one, None, is the median."""
    if threshold == "slice":
        places = ranks(-shown.hidden_first, shown.tie_breakers)
        yield from ((float(step), visible(places, step, "kept_first")) for step in STEPS)
        yield HALF, visible(places, 0.5, "kept_first")
    else:
        values = shown.hidden_first if natural else _quantiles(shown.hidden_first, shown.tie_breakers)
        yield from ((float(step), values <= step) for step in STEPS)
        yield HALF, values <= float(np.quantile(values.cpu().numpy(), 0.5, method="lower"))


def _quantiles(hidden_first: Tensor, fields: Tensor) -> Tensor:
    """The place of each voxel among those of all slices, in (0, 1]; ties in descending order of the field."""
    place = ranks(-hidden_first.flatten()[None], fields.flatten()[None])
    return ((place + 1) / place.numel()).reshape(hidden_first.shape)


@torch.no_grad()
def _counts(model: Segmenter, target: Target, shown: Slices, masks: Tensor, fill: str) -> Tensor:
    """(N, 5): visible and all voxels, intersection, predicted and labelled voxels of each slice."""
    fills = {
        "input": lambda images, mask: model.network_input(images) * mask,
        "air": lambda images, mask: model.network_input(images * mask),
    }
    rows = []
    parts = [one.split(model.compute.batch_size) for one in (shown.images, masks, shown.labelled)]
    for images, mask, labelled in zip(*parts, strict=True):
        predicted = target.predicted(model.logits_of_input(fills[fill](images, mask[:, None])).sigmoid())
        counted = (mask, torch.ones_like(mask), predicted & labelled, predicted, labelled)
        rows.append(torch.stack([one.flatten(1).sum(1) for one in counted], dim=1))
    return torch.cat(rows)


def _pooled(counts: Tensor, groups: list[list[int]]) -> tuple[float, float]:
    """Means over groups of slices of the visible fraction and of the pooled Dice."""
    sums = np.array([counts[group].sum(0).tolist() for group in groups], float)
    seen, voxels, both, predicted, labelled = sums.T
    return float((seen / voxels).mean()), float((2 * both / (predicted + labelled)).mean())


def _batches(shown: Slices) -> list[list[int]]:
    places = list(range(len(shown.patients)))
    return [places[start : start + BATCH] for start in range(0, len(places), BATCH)]


def _patients(shown: Slices) -> list[list[int]]:
    groups: dict[str, list[int]] = {}
    for place, patient in enumerate(shown.patients):
        groups.setdefault(patient, []).append(place)
    return list(groups.values())
