"""How fast this machine is, and what a run will take on it."""

import os
import time
from collections.abc import Callable

import torch
from torch import Tensor

from unoise.compute import Compute, choose
from unoise.networks.build import fitting_network
from unoise.networks.segmenter import Segmenter
from unoise.networks.windows import Windows
from unoise.training.loop import step
from unoise.training.segmenter import segmentation_loss
from unoise.workflow import methods
from unoise.workflow.manifest import SPLITS
from unoise.workflow.names import SEEN
from unoise.workflow.plan import Plan

MEASURED_SECONDS = 3.0
PUBLISHED_STEPS = 22  # of the published evaluation
TARGET_SHARE = 0.35  # of the slices, or of patches side by side
INTERPRETER_STEP = 2.5  # steps of the segmenter that a step of an interpreter takes
AUGMENTATION = 0.001  # s an image
PREPARATION = 2.5  # s a case
JOB_START = 6.0  # s


def forward_rate(config: dict) -> float:
    """Slices (3D: windows) a second that the config's segmenter, untrained, takes forward on this machine."""
    segmenter, images = _untrained(config)
    return _rate(lambda: segmenter.probabilities(images).sum().item(), len(images))


def training_rate(config: dict) -> float:
    """Slices (3D: patches) a second in training the config's segmenter on this machine, without augmentation."""
    segmenter, images = _untrained(config)
    network = segmenter.network.train()
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    values = list(range(1, len(segmenter.classes) + 1))
    loss = segmentation_loss(network, values, config["segmenter"]["dice_weight"], segmenter.compute)
    part = images[: config["segmenter"]["training"]["batch_size"]]
    return _rate(lambda: step(network, optimizer, loss(part, (part > 0.5).float()), 1.0), len(part))


def estimate_run(plan: Plan) -> str:
    """A page of text: what each stage of a run from nothing will take here, from rates measured now.

    The number of slices that show the target is a guess (a third); expect the truth within a factor of two. In 3D a
    volume counts as the windows that cover it.
    """
    seen = SEEN[plan.dims]
    forward, training = forward_rate(plan.config), training_rate(plan.config)
    cores = os.cpu_count() or 1
    windows = Windows.of(plan.config["segmenter"])
    shown = _shown(plan, windows)
    learned = shown["train"]
    if windows:
        learned = TARGET_SHARE * _shown(plan, Windows(plan.config["segmenter"]["training"]["patch"], 0))["train"]
    shape = plan.shape(plan.ids()[0])[: plan.dims]

    def trained(settings: dict) -> float:
        drawn = settings["samples_per_epoch"] or learned / (1 - settings["background_share"])
        return settings["epochs"] * drawn

    interpreters = [plan.config["interpreters"][key]["training"] for key in plan.interpreters.values()]
    again = [*plan.retrainings.values(), *plan.sanity_retrainings.values()]
    interpreters += [one.settings["training"] for one in again]
    steps = sum(map(trained, interpreters))
    passes = {
        key: plan.method(key).load().EXPLAINER.passes(plan.config["explainers"][key], shape)
        for key in plan.config["explainers"]
    }
    explaining = [*plan.explainer_groups, *plan.calibration_explainer_groups]
    evaluating = [*plan.evaluation_groups, *plan.calibration_groups]
    explained = sum(
        passes[key] * sum(shown[split] for split in group.splits) for group in explaining for key in group.explainers
    )
    per_unit = windows.count(shape) if windows else 1  # of what is counted
    checked = per_unit * plan.config["sanity"]["units"] * len(plan.ids("test"))
    explained += sum(passes[key] * plan.sanity_runs(key) * checked for key in plan.questioned)
    own = plan.config["evaluation"]
    visibilities = len(own["kept_first"]) + len(own["removed_first"])
    masks = len(own["obscurers"]) * visibilities
    maps = sum(len(group.explainers) * shown[split] for group in evaluating for split in group.splits)
    evaluated = masks * maps
    hiding = sum(methods.find("obscurers", name).load().OBSCURER.seconds(shape) for name in own["obscurers"])
    hiding *= visibilities * maps / per_unit * len(plan.config["targets"])
    own_and_other = 2 * len(plan.contents) * len(own["leak_visibilities"])
    evaluated += own_and_other * len(plan.config["explainers"]) * shown["test"]
    evaluated *= len(plan.judges)
    evaluated += plan.hidden_regions * shown["test"]
    ways = {(one["split"], one["threshold"], one["fill"]) for one in plan.config["paper_protocols"].values()}
    evaluated += PUBLISHED_STEPS * len(plan.config["explainers"]) * sum(shown[split] for split, *_ in ways)
    predicted = [*plan.predicted.values(), *plan.calibration_predicted.values()]
    jobs = 12 + sum(len(plan.batches(*splits)) for splits in predicted)
    jobs += sum(len(plan.batches(*group.splits)) * len(group.explainers) for group in [*explaining, *evaluating])
    jobs += len(plan.batches("test")) * len(plan.config["explainers"])
    jobs += len(plan.probed) + len(again) + len(plan.retrained_explainers)
    jobs += len(plan.sanity_models) + len(plan.questioned)
    targets = len(plan.config["targets"])
    segmenters = [*plan.segmenters.values(), *([plan.permuted_settings] if "permuted" in plan.sanity_models else [])]
    segmenter = sum(trained(settings["training"]) for settings in segmenters)
    probed = plan.probe_samples * targets
    probing = {f"training probes, {probed:,.0f} masks": probed / training_rate(_probing(plan.config))} if probed else {}
    stages = {
        f"preparing {len(plan.cases)} cases": len(plan.cases) * PREPARATION / cores,
        f"training {len(segmenters)} segmentation network(s), {segmenter:,.0f} {seen}": segmenter
        * (1 / training + AUGMENTATION),
        f"training {len(interpreters)} interpreter(s), {steps:,.0f} {seen}": steps
        * (INTERPRETER_STEP / training + AUGMENTATION),
        **probing,
        f"explaining, {explained * targets:,.0f} forward passes": explained * targets / forward,
        f"evaluating, {evaluated * targets:,.0f} forward passes": evaluated * targets / forward + hiding,
        f"starting {jobs} jobs": jobs * JOB_START / cores,
    }
    lines = [f"{minutes / 60:6.1f} min  {stage}" for stage, minutes in stages.items()]
    return "\n".join(
        [
            f"Estimate of the whole of {plan.experiment} on this machine: {sum(stages.values()) / 60:.0f} minutes",
            f"({forward:.0f} {seen}/s forward, {training:.0f} in training, {cores} cores; within a factor of two)",
            *lines,
            f"{plan.disk_bytes() / 1e9:6.1f} GB of disk",
        ]
    )


def _probing(config: dict) -> dict:
    """The config with the probe in the place of the segmenter."""
    return config | {"segmenter": {"dice_weight": 1, **config["probe"]}}


def _untrained(config: dict) -> tuple[Segmenter, Tensor]:
    compute: Compute = choose(config["compute"], config["compute"]["training_threads"])
    torch.manual_seed(0)
    classes = list(config["classes"])
    shape = config["segmenter"]["training"].get("patch", config["preprocess"]["shape"][:2])
    network = fitting_network(config["segmenter"]["network"], len(classes), shape)
    segmenter = Segmenter(compute.place(network.eval()), classes, (0.0, 1.0), 0.0, compute)
    return segmenter, torch.rand(compute.batch_size, 1, *shape, device="cpu").to(compute.device)


def _rate(run: Callable[[], object], units: int) -> float:
    run()
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < MEASURED_SECONDS:
        run()
        done += units
    return done / (time.perf_counter() - start)


def _shown(plan: Plan, windows: Windows | None) -> dict[str, float]:
    """Axial slices of each split that show the target: those of parts of scans, a guessed share of all others'.

    With windows: how many cover all volumes of the split.
    """
    counted: dict[str, float] = dict.fromkeys(SPLITS, 0.0)
    for case in plan.cases.values():
        if case.slices:
            start, stop = case.slice_range()
            counted[case.split] += stop - start
        else:
            volume = plan.shape(case.id)
            counted[case.split] += windows.count(volume) if windows else TARGET_SHARE * volume[2]
    return counted
