"""Training an interpreter of a frozen segmenter, by the objective that the config names."""

import logging
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from unoise.compute import choose
from unoise.networks.build import fitting_network
from unoise.networks.segmenter import Segmenter
from unoise.targets.class_target import make_target
from unoise.training.assignment import Assignment
from unoise.training.loop import State, train
from unoise.training.objectives.base import Objective
from unoise.training.slices import TrainingSet
from unoise.training.validation import Group, read_groups, shown
from unoise.workflow import methods

LOGGER = logging.getLogger("unoise")


def train_interpreter(assignment: Assignment, segmenter: Path) -> None:
    """Train an interpreter and write its weights, history, settings and card.

    The best epoch is that of the lowest objective on the validation cases, with the same noise in every epoch.

    Parameters
    ----------
    assignment
        Its settings: `network`, `objective`, `training`, `target`, `segmenter`, `start`, `seed`.
    segmenter
        Model file.
    """
    settings, own = assignment.settings, assignment.settings["training"]
    compute = choose(assignment.compute, assignment.compute["training_threads"])
    frozen = Segmenter.load(segmenter, compute)
    chosen = dict(settings["objective"])
    method = methods.find("training.objectives", chosen.pop("method")).load()
    objective: Objective = method.OBJECTIVE(frozen, make_target(settings["target"], frozen.classes), **chosen)
    data = TrainingSet.load(assignment.training)
    torch.manual_seed(settings["seed"])
    network = fitting_network(settings["network"], 1, data.images.shape[2:])
    assignment.begin(network)
    network = compute.place(network)
    groups = read_groups(assignment.validation, own, compute)
    samples = data.samples(own)
    LOGGER.info("%s: %d slices an epoch, on %s in %s", assignment.model, samples, compute.device, compute.dtype)

    def loss(images: Tensor, labels: Tensor) -> Tensor:
        with compute.autocast():
            scale_logits = network(images)
        return objective.loss(scale_logits.float(), images, labels)

    history = train(
        network,
        lambda epoch: data.epoch(own, settings["seed"], epoch, compute.device),
        loss,
        lambda: validation_score(loss, groups, compute.batch_size, settings["seed"]),
        own,
        -(-samples // own["batch_size"]),
        State(assignment.state, assignment.fingerprint(segmenter)),
        settings["seed"],
    )
    card = {
        "out_channels": 1,
        "classes": [settings["target"]["class"]],
        "output": "the logit of the noise scale B (N, 1, X, Y)",
        "objective": settings["objective"],
        "segmenter": settings["segmenter"],
        "training_data": data.card(assignment.training),
    }
    passes = {"units": samples * own["epochs"], "forwards": frozen.forwards, "backwards": frozen.backwards}
    assignment.finish(network, history, passes, card)


@torch.no_grad()
def validation_score(
    loss: Callable[[Tensor, Tensor], Tensor], groups: list[Group], batch_size: int, seed: int
) -> float | None:
    """Minus the mean loss over groups, of a group's slices that show a class; None without groups."""
    means = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for group in groups:
            losses, slices = 0.0, 0
            for images, label in group:
                images, label = shown(images, label[:, None])
                for part in zip(images.split(batch_size), label.split(batch_size), strict=True):
                    losses += loss(*part).item() * len(part[0])
                    slices += len(part[0])
            means.append(losses / slices)
    return -sum(means) / len(means) if means else None
