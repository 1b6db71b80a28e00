"""The training loop: one page, resumable at every epoch."""

import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ConstantLR, LRScheduler, OneCycleLR

from unoise.compute import generator
from unoise.errors import UserError, out_of_memory
from unoise.files import whole_file

LOGGER = logging.getLogger("unoise")
FINAL_RATE = 0.01


@dataclass(frozen=True)
class Moment:
    """When in a training a loss is asked for.

    Attributes
    ----------
    progress
        Share of the steps that are done: 0 at the first, 1 after the last.
    random
        A generator on the CPU, seeded anew for each epoch.
    """

    progress: float
    random: torch.Generator


class State:
    """Where a training stands, in a file that outlives a killed job.

    It names the fingerprint (settings, code, training data) that it belongs to: no other training goes on from it.
    """

    def __init__(self, folder: Path, fingerprint: str):
        self.path, self.fingerprint = folder / "latest.pt", fingerprint

    def load(self) -> dict | None:
        """The last epoch's state, or None: at the start, of another training, or damaged (set aside, and said)."""
        if not self.path.is_file():
            return None
        try:
            with ZipFile(self.path) as archive:  # torch.load does not look at the checksums
                if damaged := archive.testzip():
                    raise BadZipFile(f"{damaged} is damaged")
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:
            if out_of_memory(error):
                raise
            aside = self.path.with_suffix(".unreadable")
            os.replace(self.path, aside)
            LOGGER.warning("%s could not be read (%s); it is now %s, training starts anew", self.path, error, aside)
            return None
        if saved.get("fingerprint") == self.fingerprint:
            return saved
        LOGGER.info("%s is of other settings, code or data; training starts anew", self.path)
        return None

    def save(self, state: dict) -> None:
        """Replace the stored state, whole: the old one goes when the new one is on the disk."""
        with whole_file(self.path) as temporary, open(temporary, "wb") as file:
            torch.save({"fingerprint": self.fingerprint, **state}, file)
            file.flush()
            os.fsync(file.fileno())


def _one_cycle(optimizer: torch.optim.Optimizer, steps: int) -> LRScheduler:
    largest = optimizer.param_groups[0]["lr"]
    total = max(steps + 1, 11)  # with 10 a tenth is one step, and the scheduler divides by zero
    return OneCycleLR(optimizer, largest, total_steps=total, pct_start=0.1, final_div_factor=1 / FINAL_RATE)


def _constant(optimizer: torch.optim.Optimizer, steps: int) -> LRScheduler:
    return ConstantLR(optimizer, factor=1, total_iters=steps)


SCHEDULES = {"one_cycle": _one_cycle, "constant": _constant}


def train(
    network: nn.Module,
    epoch_batches: Callable[[int], Iterable[tuple[Tensor, Tensor]]],
    loss: Callable[[Tensor, Tensor, Moment], Tensor],
    validate: Callable[[], float | None],
    settings: dict,
    steps_per_epoch: int,
    state: State,
    seed: int,
    passes: Callable[[], dict[str, int]] = dict,
) -> list[dict]:
    """Train a network, and leave in it the weights of the best validation score (of the last epoch without scores).

    Adam with decoupled weight decay. All randomness of an epoch is seeded by its
    number, so that a resumed training ends with the weights of an uninterrupted one.

    Parameters
    ----------
    epoch_batches
        Gives an epoch's batches, on the network's device, by its number from 1.
    loss
        Of a batch on the device; the step goes down its gradient.
    validate
        A score, the higher the better, or None where there is nothing to validate on.
    settings
        A config's `training`.
    passes
        Counts so far, by name, of passes through other networks.

    Returns
    -------
    list
        One row an epoch: epoch, loss, learning_rate, score, seconds and its part of each count.

    Raises
    ------
    UserError
        If the loss or the weights are no longer finite.
    """
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings["learning_rate"], weight_decay=settings["weight_decay"], fused=True
    )
    schedule = SCHEDULES[settings["schedule"]](optimizer, settings["epochs"] * steps_per_epoch)
    history: list[dict] = []
    best: dict[str, Tensor] = {}
    saved = state.load()
    if saved:
        network.load_state_dict(saved["network"])
        optimizer.load_state_dict(saved["optimizer"])
        schedule.load_state_dict(saved["schedule"])
        history, best = saved["history"], saved["best"]
        LOGGER.info("resumed after epoch %d of %d", len(history), settings["epochs"])
    with _stop_between_epochs() as stopped:
        for epoch in range(len(history) + 1, settings["epochs"] + 1):
            start, before = time.perf_counter(), passes()
            torch.manual_seed(seed * 100_003 + epoch)
            random = generator(seed, "loss", epoch)
            network.train()
            total = 0.0
            for number, (images, reference) in enumerate(epoch_batches(epoch)):
                moment = Moment((epoch - 1 + number / steps_per_epoch) / settings["epochs"], random)
                total += step(network, optimizer, loss(images, reference, moment), settings["clip_gradient"])
                schedule.step()
            network.eval()
            if not (math.isfinite(total) and all(value.isfinite().all() for value in network.parameters())):
                raise UserError(
                    f"the training of {state.path.parent.name} diverged: in epoch {epoch} its loss is no longer finite",
                    remedy=f"Choose a learning_rate below {settings['learning_rate']:g}, or a clip_gradient",
                )
            score = validate()
            if score is None or score >= max((row["score"] for row in history), default=score):
                best = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
            row = {
                "epoch": epoch,
                "loss": total / steps_per_epoch,
                "learning_rate": schedule.get_last_lr()[0],
                "score": score,
                "seconds": time.perf_counter() - start,
                **{name: count - before[name] for name, count in passes().items()},
            }
            history.append(row)
            state.save(
                {
                    "network": network.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "schedule": schedule.state_dict(),
                    "history": history,
                    "best": best,
                }
            )
            left = (settings["epochs"] - epoch) * row["seconds"] / 60
            shown = "" if score is None else f", validation {score:.3f}"
            LOGGER.info(
                "epoch %d of %d: loss %.4f%s, %.1f min left",
                epoch,
                settings["epochs"],
                row["loss"],
                shown,
                left,
            )
            if stopped.is_set() and epoch < settings["epochs"]:
                raise InterruptedError(f"stopped after epoch {epoch}; the next run goes on from there")
    if best:
        network.load_state_dict(best)
    return history


def step(network: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor, clip_gradient: float | None) -> float:
    """One step of the optimizer down a loss, the gradient no longer than `clip_gradient`; the loss as a number."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if clip_gradient is not None:
        nn.utils.clip_grad_norm_(network.parameters(), clip_gradient)
    optimizer.step()
    return loss.item()


@contextmanager
def _stop_between_epochs() -> Iterator[threading.Event]:
    """Within the block SIGTERM sets the event instead of ending the process."""
    stopped = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGTERM, before)
