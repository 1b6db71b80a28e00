"""How hard and how plausible the phantom is.

Generates the patients of `phantom-full` in memory and prints tables of: the share of pancreas and body on the
slices that show the pancreas; the Dice that the best HU window and the best atlas reach on test patients,
beside their goals; organ volumes and attenuation, beside those of real CT where a Decathlon task is given.

    python benchmarks/phantom.py [--seed 2101] [--patients 70] [--dataset PATH_TO_DECATHLON_TASK]

The real CT may also come from the environment variable UNOISE_ABDOMEN_CT. Takes about a minute and a half.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from unoise.data.phantom import LABELS, generate

TRAINING = range(46)
TEST = range(76, 100)
ATLAS_VOXELS = 128
ATLAS_LEVELS = 40
WINDOW_EDGES = np.arange(-200, 402, 2)  # HU
GOALS = {"window": 0.15, "atlas": 0.45}


@dataclass
class Measured:
    """What is kept of one phantom."""

    pancreas_share: np.ndarray
    body_share: np.ndarray
    pancreas_histogram: np.ndarray
    body_histogram: np.ndarray
    pancreas: np.ndarray
    height: np.ndarray
    organs: dict[str, tuple[float, float, float]]


def organ_statistics(hu: np.ndarray, label: np.ndarray, affine: np.ndarray, names: dict[str, int]) -> dict:
    """Volume (ml), mean and standard deviation (HU) of every structure that is there."""
    millilitres = abs(np.linalg.det(affine[:3, :3])) / 1000
    found = {name: hu[label == index] for name, index in names.items() if index}
    return {n: (v.size * millilitres, float(v.mean()), float(v.std())) for n, v in found.items() if v.size}


def measure(seed: int, patient: int) -> Measured:
    """Generate one phantom and reduce it to what the tables need."""
    hu, label, affine = generate(seed, patient)
    pancreas, body = label == LABELS["pancreas"], label > 0
    shows = pancreas.any(axis=(0, 1))
    factor = ATLAS_VOXELS / hu.shape[0]
    coarse = zoom(pancreas.astype(np.float32), (factor, factor, 1), order=1, grid_mode=True, mode="grid-constant")
    return Measured(
        pancreas_share=pancreas.mean(axis=(0, 1))[shows],
        body_share=body.mean(axis=(0, 1))[shows],
        pancreas_histogram=np.histogram(hu[pancreas], WINDOW_EDGES)[0],
        body_histogram=np.histogram(hu[body], WINDOW_EDGES)[0],
        pancreas=(coarse >= 0.5).transpose(2, 0, 1),
        height=affine[2, 3] + affine[2, 2] * np.arange(hu.shape[2]),
        organs=organ_statistics(hu, label, affine, LABELS),
    )


def window_dice(case: Measured) -> np.ndarray:
    """Dice of every window from `WINDOW_EDGES[i]` to `WINDOW_EDGES[j]`, voxels within the body."""
    inside, hits = (np.concatenate([[0], np.cumsum(h)]) for h in (case.body_histogram, case.pancreas_histogram))
    taken, right = inside[None] - inside[:, None], hits[None] - hits[:, None]
    return np.triu(2 * right / (np.maximum(taken, 0) + case.pancreas_histogram.sum()))


def best_window(training: list[Measured], test: list[Measured]) -> tuple[np.ndarray, str]:
    """Test Dice of the window with the best mean Dice on the training patients, and the window."""
    mean = np.mean([window_dice(case) for case in training], axis=0)
    low, high = np.unravel_index(mean.argmax(), mean.shape)
    scores = np.array([window_dice(case)[low, high] for case in test])
    return scores, f"{WINDOW_EDGES[low]} to {WINDOW_EDGES[high]} HU"


def levels(case: Measured, alignment: str) -> np.ndarray:
    """Atlas level of every slice: by its height in mm, or by its place between lowest and highest slice."""
    height = case.height
    relative = (height + 115) / 230 if alignment == "position" else np.linspace(0, 1, len(height))
    return np.clip(np.rint(relative * (ATLAS_LEVELS - 1)), 0, ATLAS_LEVELS - 1).astype(int)


def atlas_of(cases: list[Measured], alignment: str, width: float) -> np.ndarray:
    """Mean pancreas map, levels by x by y, smoothed by `width` voxels."""
    total = np.zeros((ATLAS_LEVELS, ATLAS_VOXELS, ATLAS_VOXELS), np.float32)
    count = np.zeros((ATLAS_LEVELS, 1, 1), np.float32)
    for case in cases:
        np.add.at(total, levels(case, alignment), case.pancreas)
        np.add.at(count, levels(case, alignment), 1)
    sizes = (1.0, width, width)
    return gaussian_filter(total, sizes) / np.maximum(gaussian_filter(count, (1.0, 0, 0)), 1e-6)


def dice(first: np.ndarray, second: np.ndarray) -> float:
    """Dice coefficient of two masks."""
    return 2 * np.count_nonzero(first & second) / (np.count_nonzero(first) + np.count_nonzero(second))


def best_atlas(training: list[Measured], test: list[Measured]) -> tuple[np.ndarray, str]:
    """Test Dice of the best atlas: alignment and smoothing the best on test, threshold chosen on training."""
    results = []
    for alignment in ("position", "normalised"):
        for width in (0.0, 1.5):
            atlas = atlas_of(training, alignment, width)
            expected = [atlas[levels(case, alignment)] for case in training]
            thresholds = np.arange(0.1, 0.6, 0.05)
            fits = [
                np.mean([dice(e > t, c.pancreas) for e, c in zip(expected, training, strict=True)]) for t in thresholds
            ]
            threshold = thresholds[int(np.argmax(fits))]
            scores = np.array([dice(atlas[levels(c, alignment)] > threshold, c.pancreas) for c in test])
            results.append((scores, f"z by {alignment}, threshold {threshold:.2f}, smoothed {width * 3:.1f} mm"))
    return max(results, key=lambda result: result[0].mean())


def real_organs(task: Path) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Statistics of the structures of every case of a Decathlon task."""
    content = json.loads((task / "dataset.json").read_text())
    names = {name: int(index) for index, name in content["labels"].items()}
    cases = {}
    for entry in content["training"]:
        image, label = nib.load(task / entry["image"]), nib.load(task / entry["label"])
        organs = organ_statistics(np.asanyarray(image.dataobj), np.asanyarray(label.dataobj), image.affine, names)
        cases[Path(entry["image"]).name.removesuffix(".nii.gz")] = organs
    return cases


def spread(values: np.ndarray, digits: int) -> str:
    """Mean, standard deviation and range, as text."""
    values = np.asarray(values)
    low, high = values.min(), values.max()
    return f"{values.mean():.{digits}f} ± {values.std():.{digits}f}  ({low:.{digits}f} to {high:.{digits}f})"


def print_shares(cases: list[Measured]) -> None:
    """Pancreas and body on the slices that show the pancreas."""
    slices = 100 * np.concatenate([case.pancreas_share for case in cases])
    body = 100 * np.array([case.body_share.mean() for case in cases])
    within = 100 * np.mean((slices >= 0.3) & (slices <= 1))
    counts = [len(case.pancreas_share) for case in cases]
    print(f"\nSlices that show the pancreas, {len(cases)} patients: mean ± sd (range)")
    print(f"  slices a patient              {spread(counts, 1)}")
    print(f"  pancreas, % of a slice        {spread(slices, 2)}   goal .3 to 1: {within:.0f} % of them inside")
    print(f"  body, % of the image, patient {spread(body, 1)}   goal 45 to 65")


def print_baselines(training: list[Measured], test: list[Measured]) -> None:
    """Dice of the best window and of the best atlas beside the goals."""
    print(f"\nDice on {len(test)} test patients, fitted on {len(training)} training patients: mean ± sd (range)")
    for name, (scores, how) in {
        "window": best_window(training, test),
        "atlas": best_atlas(training, test),
    }.items():
        verdict = "met" if scores.mean() <= GOALS[name] else "MISSED"
        print(f"  best {name:<7}{spread(scores, 3)}   goal at most {GOALS[name]:.2f}: {verdict}   [{how}]")


def print_organs(cases: list[Measured], task: Path | None) -> None:
    """Organ volumes and attenuation of phantoms and real CT."""
    real = real_organs(task) if task else {}
    print("\nVolume in ml, mean ± sd over patients | attenuation in HU, mean ± mean sd within the structure")
    print(f"  {'structure':<28}{'phantom':<32}" + "".join(f"{name:<26}" for name in real))
    for name in list(LABELS)[1:]:
        found = np.array([case.organs[name] for case in cases if name in case.organs])
        volume, mean, deviation = found.T
        row = f"{volume.mean():7.0f} ± {volume.std():<5.0f}| {mean.mean():5.0f} ± {deviation.mean():<4.0f}"
        row = f"{row:<32}" + "".join(f"{real_cell(organs.get(name)):<26}" for organs in real.values())
        print(f"  {name:<28}{row}".rstrip())
    if not real:
        print("  The real CT is absent: give --dataset or UNOISE_ABDOMEN_CT to compare with it.")


def real_cell(statistics: tuple[float, float, float] | None) -> str:
    """One structure of one real case; a dash where it is not annotated."""
    return "{:7.0f} | {:5.0f} ± {:.0f}".format(*statistics) if statistics else "      -"


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=2101)
    parser.add_argument("--patients", type=int, default=len(TRAINING) + len(TEST), help="fewer for a quick look")
    parser.add_argument("--dataset", type=Path, default=os.environ.get("UNOISE_ABDOMEN_CT"), help="a Decathlon task")
    options = parser.parse_args()
    task = Path(options.dataset) if options.dataset else None
    if task and not (task / "dataset.json").is_file():
        parser.error(f"{task} holds no dataset.json")
    share = min(1.0, options.patients / (len(TRAINING) + len(TEST)))
    training = [measure(options.seed, p) for p in TRAINING[: max(1, round(share * len(TRAINING)))]]
    test = [measure(options.seed, p) for p in TEST[: max(1, round(share * len(TEST)))]]
    print(f"Phantom, seed {options.seed}: {len(training)} training and {len(test)} test patients")
    print_shares(training + test)
    print_baselines(training, test)
    print_organs(training + test, task)


if __name__ == "__main__":
    main()
