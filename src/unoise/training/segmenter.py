"""Training a segmentation network: Dice and cross-entropy, the best epoch by Dice on the validation patients."""

import json
import logging
from pathlib import Path

import torch
from monai.losses import DiceLoss
from torch import Tensor, nn

from unoise.compute import Compute, choose
from unoise.networks import THRESHOLD
from unoise.networks.build import fitting_network
from unoise.networks.segmenter import Segmenter
from unoise.networks.windows import Windows
from unoise.training.assignment import Assignment
from unoise.training.loop import State, train
from unoise.training.patches import training_set
from unoise.training.validation import Group, read_groups

LOGGER = logging.getLogger("unoise")


def train_segmenter(assignment: Assignment, source: Path) -> None:
    """Train a segmenter and write its weights, history, settings and card.

    Parameters
    ----------
    assignment
        Its settings: `network`, `training`, `dice_weight`, `start_at_prior`, `classes`, `learned` (the classes that
        this network segments), `preprocess`, `seed`.
    source
        The `source.json` of a preprocessed case, which says the window.
    """
    settings, own = assignment.settings, assignment.settings["training"]
    compute = choose(assignment.compute, assignment.compute["training_threads"])
    data = training_set(assignment.training, settings)
    names, learned = list(settings["classes"]), settings["learned"]
    values = [names.index(name) + 1 for name in learned]
    windows = Windows.of(settings)
    torch.manual_seed(settings["seed"])
    network = fitting_network(settings["network"], len(learned), data.shape, windows)
    if settings["start_at_prior"]:
        start_at_prior(network, data.class_shares(values))
    assignment.begin(network, classes=learned)
    network = compute.place(network)
    window = json.loads(source.read_text(encoding="utf-8"))["window"]
    groups = read_groups(assignment.validation, own, compute)
    samples = data.samples(own)
    LOGGER.info(
        "%s: %d images an epoch of %d training cases, on %s in %s",
        assignment.model, samples, len(assignment.training.ids), compute.device, compute.dtype,
    )  # fmt: skip
    loss = segmentation_loss(network, values, settings["dice_weight"], compute)
    history = train(
        network,
        lambda epoch: data.epoch(own, settings["seed"], epoch, compute.device),
        lambda images, labels, moment: loss(images, labels),
        lambda: validation_dice(Segmenter(network, learned, window, data.body_mean, compute, windows), values, groups),
        own,
        -(-samples // own["batch_size"]),
        State(assignment.state, assignment.fingerprint()),
        settings["seed"],
    )
    card = {
        "out_channels": len(learned),
        "classes": learned,
        "window": window,
        "output": "one logit a class (N, classes, *S)",
        "preprocess": settings["preprocess"],
        "training_data": data.card(assignment.training),
    }
    seen = samples * own["epochs"]
    assignment.finish(network, history, {"units": seen, "forwards": seen, "backwards": seen}, card)


def start_at_prior(network: nn.Module, shares: list[float]) -> None:
    """Let an untrained network predict each class as often as it occurs, by the bias of its last convolution.

    A small organ is then learned several times sooner (Lin et al. 2017, arXiv 1708.02002, section 4.1). A network
    without such a bias is left as it is.
    """
    heads = [one for one in network.modules() if getattr(one, "out_channels", 0) == len(shares)]
    if heads and getattr(heads[-1], "bias", None) is not None:
        with torch.no_grad():
            heads[-1].bias.copy_(torch.logit(torch.tensor(shares, device="cpu"), eps=1e-6))


def segmentation_loss(network: nn.Module, values: list[int], dice_weight: float, compute: Compute):
    """Binary cross-entropy and weighted Dice loss of logits against class values, as a function of a batch."""
    dice = DiceLoss(sigmoid=True, batch=True)
    cross_entropy = nn.BCEWithLogitsLoss()

    def loss(images: Tensor, labels: Tensor) -> Tensor:
        with compute.autocast():
            logits = network(images)
        reference = torch.cat([labels == value for value in values], dim=1).float()
        fit = cross_entropy(logits.float(), reference)
        return fit + dice_weight * dice(logits.float(), reference) if dice_weight else fit

    return loss


def validation_dice(segmenter: Segmenter, values: list[int], groups: list[Group]) -> float | None:
    """Mean over groups and classes of the Dice pooled over a group's units; None without groups."""
    scores = []
    for group in groups:
        counts = torch.zeros(len(values), 2, device=segmenter.compute.device)
        for images, label in group:
            predicted = segmenter.probabilities(images) > THRESHOLD
            for channel, value in enumerate(values):
                reference = label[:, 0] == value
                counts[channel, 0] += 2 * (predicted[:, channel] & reference).sum()
                counts[channel, 1] += predicted[:, channel].sum() + reference.sum()
        scores.append((counts[:, 0] / counts[:, 1].clamp_min(1)).mean().item())
    return sum(scores) / len(scores) if scores else None
