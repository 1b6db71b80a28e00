"""Training an interpreter of a frozen segmenter, by the objective that the config names."""

import logging
from pathlib import Path

import torch
from torch import Tensor

from unoise.compute import choose
from unoise.files import content_hash, file_hash
from unoise.networks.build import fitting_network
from unoise.networks.segmenter import Segmenter
from unoise.targets.class_target import make_target
from unoise.training.loop import State, train
from unoise.training.objectives.base import Objective
from unoise.training.segmenter import read_validation, write_trained
from unoise.training.slices import CaseFiles, TrainingSet
from unoise.workflow import methods

LOGGER = logging.getLogger("unoise")


def train_interpreter(
    model: str,
    settings: dict,
    code: str,
    segmenter: Path,
    training: CaseFiles,
    validation: CaseFiles,
    state: Path,
    out: dict,
    compute: dict,
) -> None:
    """Train an interpreter and write its weights, history, settings and card.

    The best epoch is that of the lowest objective on the validation patients, with the same noise in every epoch.

    Parameters
    ----------
    settings
        Everything that decides what is learned: `network`, `objective`, `training`, `target`, `segmenter`, `seed`.
    segmenter
        Model file.
    model, code, training, validation, state, out, compute
        As in `unoise.training.segmenter.train_segmenter`.
    """
    chosen = choose(compute, compute["training_threads"])
    frozen = Segmenter.load(segmenter, chosen)
    own = dict(settings["objective"])
    objective: Objective = (
        methods.find("training.objectives", own.pop("method"))
        .load()
        .OBJECTIVE(frozen, make_target(settings["target"], frozen.classes), **own)
    )
    data = TrainingSet.load(training)
    data_hash = training.content()
    torch.manual_seed(settings["seed"])
    network = chosen.place(fitting_network(settings["network"], 1, 1, data.images.shape[2:]))
    patients = read_validation(validation, chosen)
    samples = data.samples(settings["training"])
    LOGGER.info("%s: %d slices an epoch, on %s in %s", model, samples, chosen.device, chosen.dtype)

    def loss(images: Tensor, labels: Tensor) -> Tensor:
        with chosen.autocast():
            scale_logits = network(images)
        return objective.loss(scale_logits.float(), images, labels)

    history = train(
        network,
        lambda epoch: data.epoch(settings["training"], settings["seed"], epoch, chosen.device),
        loss,
        lambda: validation_score(loss, patients, chosen.batch_size, settings["seed"]),
        settings["training"],
        -(-samples // settings["training"]["batch_size"]),
        State(
            state,
            content_hash(settings, code, data_hash, validation.patients, validation.content(), file_hash(segmenter)),
        ),
        settings["seed"],
    )
    card = {
        "network": settings["network"],
        "in_channels": 1,
        "out_channels": 1,
        "classes": [settings["target"]["class"]],
        "input": "preprocessed CT in window units in [0, 1], axial slices (N, 1, X, Y)",
        "output": "the logit of the noise scale B (N, 1, X, Y)",
        "objective": settings["objective"],
        "segmenter": settings["segmenter"],
        "training_data": {"cases": len(training.ids), "sha256": data_hash, "body_mean": data.body_mean},
    }
    passes = {
        "units": samples * settings["training"]["epochs"],
        "forwards": frozen.forwards,
        "backwards": frozen.backwards,
    }
    write_trained(network, model, history, passes, settings, card, out)


@torch.no_grad()
def validation_score(loss, patients: list, batch_size: int, seed: int) -> float | None:
    """Minus the mean loss over the validation patients' slices that show a class; None without patients."""
    patient_losses = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for cases in patients:
            losses, slices = 0.0, 0
            for images, label in cases:
                shown = (label > 0).flatten(1).any(1)
                parts = zip(images[shown].split(batch_size), label[shown, None].split(batch_size), strict=True)
                for part in parts:
                    losses += loss(*part).item() * len(part[0])
                    slices += len(part[0])
            patient_losses.append(losses / slices)
    return -sum(patient_losses) / len(patient_losses) if patient_losses else None
