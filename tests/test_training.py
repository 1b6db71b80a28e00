import os
import signal

import pytest
import torch
from monai.networks.nets import UNet
from torch import nn

from unoise.training.loop import State, train

SETTINGS = {"epochs": 4, "learning_rate": 0.01, "weight_decay": 0.0}


def made_training(folder, fingerprint="one", epochs=4, scores=None, after_epoch=lambda epoch: None):
    """Four epochs of a small network on made images; returns its weights and history."""
    torch.manual_seed(1)
    network = UNet(2, 1, 1, (4, 8), (2,), norm="batch")
    target = nn.functional.avg_pool2d

    def batches(epoch):
        generator = torch.Generator().manual_seed(epoch)
        for _ in range(3):
            images = torch.rand(4, 1, 16, 16, generator=generator)
            yield images, target(images, 3, 1, 1)
        after_epoch(epoch)

    given = iter(scores or [])
    history = train(
        network,
        batches,
        lambda images, reference: ((network(images) - reference) ** 2).mean() + 0 * torch.rand(1).sum(),
        lambda: next(given, None),
        SETTINGS | {"epochs": epochs},
        3,
        State(folder, fingerprint),
        seed=3,
    )
    return network.state_dict(), history


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def crash_in(epoch):
    def crash(now):
        if now == epoch:
            raise KeyboardInterrupt

    return crash


def test_loss_falls_and_history_has_a_row_an_epoch(tmp_path):
    _, history = made_training(tmp_path)
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert history[-1]["loss"] < history[0]["loss"]


def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(tmp_path):
    whole, _ = made_training(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        made_training(tmp_path / "killed", after_epoch=crash_in(3))
    seen = []
    resumed, history = made_training(tmp_path / "killed", after_epoch=seen.append)
    assert seen == [3, 4]
    assert equal(whole, resumed)
    assert len(history) == 4


def test_state_of_other_settings_is_not_resumed(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        made_training(tmp_path, "one", after_epoch=crash_in(3))
    seen = []
    made_training(tmp_path, "another", after_epoch=seen.append)
    assert seen == [1, 2, 3, 4]


def test_an_unreadable_state_is_set_aside_and_training_starts_anew(tmp_path, caplog):
    made_training(tmp_path)
    state = tmp_path / "latest.pt"
    state.write_bytes(state.read_bytes()[:1000])
    seen = []
    made_training(tmp_path, after_epoch=seen.append)
    assert seen == [1, 2, 3, 4]
    assert "could not be read" in caplog.text
    assert state.with_suffix(".unreadable").exists()


def test_sigterm_ends_after_the_epoch_and_the_next_run_goes_on(tmp_path):
    with pytest.raises(InterruptedError, match="after epoch 2"):
        made_training(tmp_path, after_epoch=lambda e: os.kill(os.getpid(), signal.SIGTERM) if e == 2 else None)
    seen = []
    made_training(tmp_path, after_epoch=seen.append)
    assert seen == [3, 4]


def test_the_best_validation_score_decides_and_without_one_the_last_epoch(tmp_path):
    first, _ = made_training(tmp_path / "first", scores=[0.9, 0.1, 0.2, 0.3])
    second, _ = made_training(tmp_path / "second", scores=[0.1, 0.2, 0.3, 0.9])
    last, history = made_training(tmp_path / "last")
    assert equal(second, last)
    assert not equal(first, last)
    assert history[0]["score"] is None
