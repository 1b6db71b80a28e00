import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from made import CPU
from monai.networks.nets import UNet
from safetensors.torch import load_file
from torch import nn

from unoise import tables
from unoise.data.volumes import write_volume
from unoise.errors import UserError
from unoise.training.assignment import Assignment
from unoise.training.loop import State, train
from unoise.training.segmenter import train_segmenter
from unoise.training.slices import CaseFiles
from unoise.training.validation import read_groups

SETTINGS = {"epochs": 4, "learning_rate": 0.01, "schedule": "one_cycle", "weight_decay": 0.0, "clip_gradient": 1.0}


def made_training(folder, fingerprint="one", epochs=4, scores=None, after_epoch=lambda epoch: None):
    """Four epochs of a small network on made images; returns its weights and history."""
    torch.manual_seed(1)
    network = UNet(2, 1, 1, (4, 8), (2,), norm="batch")
    target = nn.functional.avg_pool2d

    def batches(epoch):
        generator = torch.Generator().manual_seed(epoch)
        for _ in range(3):
            images = torch.rand(4, 1, 16, 16, generator=generator)
            passes["forwards"] += len(images)
            yield images, target(images, 3, 1, 1)
        after_epoch(epoch)

    given, passes = iter(scores or []), {"forwards": 0}
    history = train(
        network,
        batches,
        lambda images, reference, moment: ((network(images) - reference) ** 2).mean() + 0 * torch.rand(1).sum(),
        lambda: next(given, None),
        SETTINGS | {"epochs": epochs},
        3,
        State(folder, fingerprint),
        seed=3,
        passes=passes.copy,
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
    assert [row["forwards"] for row in history] == [12] * 4, "those of both runs"


def test_state_of_other_settings_is_not_resumed(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        made_training(tmp_path, "one", after_epoch=crash_in(3))
    seen = []
    made_training(tmp_path, "another", after_epoch=seen.append)
    assert seen == [1, 2, 3, 4]


def cut_short(content: bytes) -> bytes:
    return content[:1000]


def damaged_inside(content: bytes) -> bytes:
    """In the middle, where weights lie: torch alone does not see it."""
    middle = len(content) // 2
    return content[:middle] + bytes(255 - one for one in content[middle : middle + 200]) + content[middle + 200 :]


def not_a_state(content: bytes) -> bytes:
    return b"PK"


@pytest.mark.parametrize("damage", [cut_short, damaged_inside, not_a_state])
def test_an_unreadable_state_is_set_aside_and_training_starts_anew(tmp_path, caplog, damage):
    made_training(tmp_path)
    state = tmp_path / "latest.pt"
    state.write_bytes(damage(state.read_bytes()))
    seen = []
    made_training(tmp_path, after_epoch=seen.append)
    assert seen == [1, 2, 3, 4]
    assert "could not be read" in caplog.text
    assert state.with_suffix(".unreadable").exists()


@pytest.mark.parametrize("epochs", [1, 3])
def test_trainings_of_any_number_of_steps_end(tmp_path, epochs):
    """At nine steps in all the schedule once divided by zero."""
    _, history = made_training(tmp_path, epochs=epochs)
    assert len(history) == epochs


def test_a_training_that_diverges_says_so_and_leaves_no_model(tmp_path):
    assignment = segmenter_assignment(tmp_path, epochs=2, learning_rate=1e20)
    with pytest.raises(UserError, match=r"diverged: in epoch 1.*learning_rate below 1e\+20"):
        train_segmenter(assignment, tmp_path / "source.json")
    assert not assignment.out["weights"].exists()


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


def made_cases(folder, *names):
    """Preprocessed volumes with a bright square to learn."""
    paths = {kind: [folder / name / f"{kind}.nii.gz" for name in names] for kind in ("images", "labels", "bodies")}
    for number, name in enumerate(names):
        label = np.zeros((16, 16, 3), np.uint8)
        label[4:10, 3 + number : 9 + number] = 1
        write_volume(folder / name / "images.nii.gz", 0.2 + 0.6 * label.astype(np.float32), np.eye(4))
        write_volume(folder / name / "labels.nii.gz", label, np.eye(4))
        write_volume(folder / name / "bodies.nii.gz", np.ones_like(label), np.eye(4))
    return CaseFiles(list(names), list(names), **paths)


OWN = {"batch_size": 2, "samples_per_epoch": None, "background_share": 0, "augmentation": "affine"}


def segmenter_assignment(folder, validation=("c",), start=None, **training) -> Assignment:
    """A segmenter to train on made cases; the paths of its files are below the folder."""
    settings = {
        "network": {"name": "UNet", "input": "window", "spatial_dims": 2, "channels": [4, 8], "strides": [2]},
        "training": SETTINGS | OWN | {"validate_by": "patient"} | training,
        "dice_weight": 1,
        "start_at_prior": True,
        "classes": {"organ": ["organ"]},
        "learned": ["organ"],
        "preprocess": {},
        "seed": 1,
    }
    compute = {"device": "cpu", "precision": "float32", "batch_size": 4, "training_threads": 1}
    out = {name: folder / "out" / name for name in ("history", "config", "card", "costs")}
    out["weights"] = folder / "out" / "model.safetensors"
    (folder / "source.json").write_text('{"window": [-160, 240]}')
    cases = [made_cases(folder, *names) for names in (("a", "b"), validation)]
    return Assignment("m", settings, "code", *cases, start, folder / "state", out, compute)


def test_other_validation_patients_never_resume_a_finished_training(tmp_path, caplog):
    """Else the best epoch would have been chosen on patients who may now be tested."""
    caplog.set_level("INFO", logger="unoise")
    for validation in ("c", "c", "d"):
        assignment = segmenter_assignment(tmp_path, validation)
        train_segmenter(assignment, tmp_path / "source.json")
    assert caplog.text.count("resumed after epoch 4 of 4") == 1
    assert tables.read(assignment.out["history"], tables.HISTORY).score.notna().all()


def test_weights_given_are_the_start_and_without_epochs_the_end(tmp_path):
    first = segmenter_assignment(tmp_path)
    train_segmenter(first, tmp_path / "source.json")
    start = first.out["weights"].rename(tmp_path / "given.safetensors")
    again = segmenter_assignment(tmp_path, start=start, epochs=0)
    train_segmenter(again, tmp_path / "source.json")
    assert equal(load_file(start), load_file(again.out["weights"]))
    assert len(tables.read(again.out["history"], tables.HISTORY)) == 0
    further = segmenter_assignment(tmp_path, start=start, epochs=1)
    train_segmenter(further, tmp_path / "source.json")
    assert not equal(load_file(start), load_file(further.out["weights"]))


def test_weights_of_other_classes_are_refused(tmp_path):
    first = segmenter_assignment(tmp_path)
    train_segmenter(first, tmp_path / "source.json")
    start = first.out["weights"].rename(tmp_path / "given.safetensors")
    again = segmenter_assignment(tmp_path, start=start, epochs=0)
    again.settings.update(classes={"spleen": ["spleen"]}, learned=["spleen"])
    with pytest.raises(UserError, match=r"given.safetensors: its card says classes \['.*'\], where .* \['spleen'\]"):
        train_segmenter(again, tmp_path / "source.json")


@pytest.mark.parametrize(("by", "sizes"), [("patient", [3, 6]), ("batch", [4, 4, 1])])
def test_the_score_of_an_epoch_is_averaged_over_patients_or_batches(tmp_path, by, sizes):
    cases = replace(made_cases(tmp_path, "a", "b", "c"), patients=["x", "y", "y"])
    groups = read_groups(cases, {"validate_by": by, "batch_size": 4}, CPU)
    assert [sum(len(images) for images, _ in group) for group in groups] == sizes
