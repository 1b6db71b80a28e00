"""Training the segmenter: Dice and BCE, the best epoch by Dice on the validation patients."""

import logging
from pathlib import Path

import torch
import yaml
from monai.losses import DiceLoss
from torch import Tensor, nn

from unoise import tables
from unoise.compute import Compute, choose, peak_mib
from unoise.data.units import read_slices
from unoise.files import content_hash, whole_file, write_json
from unoise.networks import THRESHOLD
from unoise.networks.build import fitting_network
from unoise.networks.models import save_model
from unoise.networks.segmenter import Segmenter
from unoise.training.loop import State, train
from unoise.training.slices import CaseFiles, TrainingSet

LOGGER = logging.getLogger("unoise")


def train_segmenter(
    model: str,
    settings: dict,
    code: str,
    training: CaseFiles,
    validation: CaseFiles,
    state: Path,
    out: dict,
    compute: dict,
) -> None:
    """Train a segmenter and write its weights, history, settings and card.

    Parameters
    ----------
    model
        The `<model>` that the history names.
    settings
        Everything that decides what is learned: `network`, `training`, `classes`, `preprocess`, `seed`.
    code
        Digest of the training code.
    training, validation
        Preprocessed cases; where there are none for validation, the last epoch counts.
    state
        Folder that keeps the last finished epoch.
    out
        Paths of `weights`, `history`, `config`, `card` and `costs`.
    compute
        The config's `compute`.
    """
    chosen = choose(compute, compute["training_threads"])
    data = TrainingSet.load(training)
    data_hash = training.content()
    torch.manual_seed(settings["seed"])
    network = fitting_network(settings["network"], 1, len(settings["classes"]), data.images.shape[2:])
    start_at_prior(network, data.class_shares(len(settings["classes"])))
    network = chosen.place(network)
    patients = read_validation(validation, chosen)
    samples = data.samples(settings["training"])
    LOGGER.info(
        "%s: %d slices an epoch of %d training cases, on %s in %s",
        model, samples, len(training.ids), chosen.device, chosen.dtype,
    )  # fmt: skip
    classes = list(settings["classes"])
    history = train(
        network,
        lambda epoch: data.epoch(settings["training"], settings["seed"], epoch, chosen.device),
        segmentation_loss(network, len(classes), chosen),
        lambda: validation_dice(Segmenter(network, classes, data.body_mean, chosen), patients),
        settings["training"],
        -(-samples // settings["training"]["batch_size"]),
        State(state, content_hash(settings, code, data_hash, validation.patients, validation.content())),
        settings["seed"],
    )
    card = {
        "network": settings["network"],
        "in_channels": 1,
        "out_channels": len(classes),
        "classes": classes,
        "input": "preprocessed CT in window units in [0, 1], axial slices (N, 1, X, Y)",
        "output": "one logit a class (N, classes, X, Y)",
        "preprocess": settings["preprocess"],
        "training_data": {"cases": len(training.ids), "sha256": data_hash, "body_mean": data.body_mean},
    }
    seen = samples * settings["training"]["epochs"]
    passes = {"units": seen, "forwards": seen, "backwards": seen}
    write_trained(network, model, history, passes, settings, card, out)


def start_at_prior(network: nn.Module, shares: list[float]) -> None:
    """Let an untrained network predict each class as often as it occurs, by the bias of its last convolution.

    A small organ is then learned several times sooner (Lin et al. 2017, arXiv 1708.02002, section 4.1). A network
    without such a bias is left as it is.
    """
    heads = [one for one in network.modules() if getattr(one, "out_channels", 0) == len(shares)]
    if heads and getattr(heads[-1], "bias", None) is not None:
        with torch.no_grad():
            heads[-1].bias.copy_(torch.logit(torch.tensor(shares, device="cpu"), eps=1e-6))


def write_trained(
    network: nn.Module, model: str, history: list[dict], passes: dict, settings: dict, card: dict, out: dict
) -> None:
    """Write what every trained model has: history, costs, resolved settings, card, and last the weights."""
    tables.write(out["history"], tables.HISTORY, [{"model": model, **row} for row in history])
    seconds, peak = sum(row["seconds"] for row in history), peak_mib(next(network.parameters()).device)
    costs = {"stage": "train", "model": model, **passes, "seconds": seconds, "peak_mib": peak}
    tables.write(out["costs"], tables.COSTS, [costs])
    with whole_file(out["config"]) as temporary:
        temporary.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    write_json(out["card"], card)
    save_model(out["weights"], network, card)


def segmentation_loss(network: nn.Module, classes: int, compute: Compute):
    """Dice and binary cross-entropy of logits against class values, as a function of a batch."""
    dice = DiceLoss(sigmoid=True, batch=True)
    cross_entropy = nn.BCEWithLogitsLoss()

    def loss(images: Tensor, labels: Tensor) -> Tensor:
        with compute.autocast():
            logits = network(images)
        reference = torch.cat([labels == value for value in range(1, classes + 1)], dim=1).float()
        return dice(logits.float(), reference) + cross_entropy(logits.float(), reference)

    return loss


Validation = list[tuple[Tensor, Tensor]]


def read_validation(cases: CaseFiles, compute: Compute) -> list[Validation]:
    """Images (Z, 1, X, Y) and class values (Z, X, Y) of the validation cases, grouped by patient."""
    patients: dict[str, Validation] = {}
    for case, patient, image, label in zip(cases.ids, cases.patients, cases.images, cases.labels, strict=True):
        pair = tuple(read_slices(path, case, compute.device)[0] for path in (image, label))
        patients.setdefault(patient, []).append((pair[0], pair[1][:, 0]))
    return list(patients.values())


def validation_dice(segmenter: Segmenter, patients: list[Validation]) -> float | None:
    """Mean over patients and classes of the Dice pooled over a patient's slices; None without patients."""
    scores = []
    for cases in patients:
        counts = torch.zeros(len(segmenter.classes), 2, device=segmenter.compute.device)
        for images, label in cases:
            predicted = segmenter.probabilities(images) > THRESHOLD
            for channel in range(len(segmenter.classes)):
                reference = label == channel + 1
                counts[channel, 0] += 2 * (predicted[:, channel] & reference).sum()
                counts[channel, 1] += predicted[:, channel].sum() + reference.sum()
        scores.append((counts[:, 0] / counts[:, 1].clamp_min(1)).mean().item())
    return sum(scores) / len(scores) if scores else None
