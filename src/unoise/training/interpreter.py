"""Training an interpreter of a frozen segmenter, by the objective that the config names."""

import logging
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from unoise.compute import choose, generator
from unoise.networks.build import fitting_network
from unoise.networks.segmenter import Segmenter
from unoise.networks.windows import Windows
from unoise.targets.class_target import ClassTarget
from unoise.training.assignment import Assignment
from unoise.training.loop import Moment, State, train
from unoise.training.objectives.base import Batch, Objective
from unoise.training.patches import showing, training_set
from unoise.training.validation import Group, read_groups
from unoise.workflow import methods

LOGGER = logging.getLogger("unoise")
Loss = Callable[[Tensor, Tensor, ClassTarget, Moment], Tensor]


def train_interpreter(assignment: Assignment, segmenter: Path) -> None:
    """Train an interpreter and write its weights, history, settings and card.

    It has one channel a class of the segmenter, of which those that the targets name are trained: a batch draws its
    target. The best epoch is that of the lowest objective on the validation cases, with the same draws in every epoch.

    Parameters
    ----------
    assignment
        Its settings: `network`, `objective`, `training`, `targets`, `segmenter`, `start`, `seed`.
    segmenter
        Model file.
    """
    settings, own = assignment.settings, assignment.settings["training"]
    compute = choose(assignment.compute, assignment.compute["training_threads"])
    frozen = Segmenter.load(segmenter, compute)
    chosen = dict(settings["objective"])
    method = methods.find("training.objectives", chosen.pop("method")).load()
    objective: Objective = method.OBJECTIVE(frozen, **chosen)
    targets = [ClassTarget(one["class"], frozen.classes.index(one["class"])) for one in settings["targets"].values()]
    data = training_set(assignment.training, settings)
    torch.manual_seed(settings["seed"])
    network = fitting_network(settings["network"], len(frozen.classes), data.shape, Windows.of(settings))
    explained = sorted({target.name for target in targets})
    assignment.begin(network, classes=frozen.classes, **({} if own["epochs"] else {"explains": explained}))
    network = compute.place(network)
    groups = read_groups(assignment.validation, own, compute)
    samples = data.samples(own)
    LOGGER.info("%s: %d images an epoch, on %s in %s", assignment.model, samples, compute.device, compute.dtype)

    def loss(images: Tensor, labels: Tensor, target: ClassTarget, moment: Moment) -> Tensor:
        batch, seen = Batch(images, labels, frozen), images
        if network.sees_prediction:
            seen = network.beside(images, batch.probabilities[:, target.channel, None])
        with compute.autocast():
            output = network(seen)[:, target.channel, None]
        return objective.loss(output.float(), batch, target, moment)

    def loss_of_any(images: Tensor, labels: Tensor, moment: Moment) -> Tensor:
        drawn = torch.randint(len(targets), (), generator=moment.random, device="cpu")
        return loss(images, labels, targets[int(drawn)], moment)

    history = train(
        network,
        lambda epoch: data.epoch(own, settings["seed"], epoch, compute.device),
        loss_of_any,
        lambda: validation_score(loss, targets, groups, own.get("patch"), own["batch_size"], settings["seed"]),
        own,
        -(-samples // own["batch_size"]),
        State(assignment.state, assignment.fingerprint(segmenter)),
        settings["seed"],
        lambda: {"forwards": frozen.forwards, "backwards": frozen.backwards},
    )
    card = {
        "out_channels": len(frozen.classes),
        "classes": frozen.classes,
        "explains": explained,
        "output": f"one map a class (N, classes, *S), as the objective {settings['objective']['method']} reads it",
        "objective": settings["objective"],
        "segmenter": settings["segmenter"],
        "training_data": data.card(assignment.training),
    }
    passes = {name: sum(row[name] for row in history) for name in ("forwards", "backwards")}
    passes["units"] = samples * own["epochs"]
    assignment.finish(network, history, passes, card)


@torch.no_grad()
def validation_score(
    loss: Loss, targets: list[ClassTarget], groups: list[Group], patch: list[int] | None, batch_size: int, seed: int
) -> float | None:
    """Minus the mean loss over groups and targets, of a group's parts that show a class; None without groups.

    Parts as of `showing`: slices, or patches side by side.
    """
    means = []
    for target in targets:
        moment = Moment(1.0, generator(seed, "validation"))
        for group in groups:
            losses, parts = 0.0, 0
            for pair in group:
                for batch in zip(*(one.split(batch_size) for one in showing(*pair, patch)), strict=True):
                    losses += loss(*batch, target, moment).item() * len(batch[0])
                    parts += len(batch[0])
            means.append(losses / parts)
    return -sum(means) / len(means) if means else None
