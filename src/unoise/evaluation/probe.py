"""Show or tell: how well a small network, the probe, finds the organ from masks alone, without any image.

It learns from the masks of some test patients and is measured on the masks of others. What it finds there it has from
the shape of the mask, or knows from where organs lie; the mask of another patient says how much is the latter. So the
probe is one more judge of the leak, one that was trained to be told, and a constant is what it sees through a mask.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from unoise import tables
from unoise.compute import Compute, choose, generator, in_batches
from unoise.evaluation.leak import NOTHING
from unoise.evaluation.masks import visible
from unoise.evaluation.shown import read_shown
from unoise.networks import THRESHOLD
from unoise.networks.build import fitting_network
from unoise.obscurers.donor import most_alike
from unoise.targets.base import make_target
from unoise.training.loop import SCHEDULES, step
from unoise.training.segmenter import segmentation_loss, start_at_prior

LOGGER = logging.getLogger("unoise")
JUDGE, CONTENT = "probe", "constant"
LONGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class MaskedCase:
    """The evaluated units of a case.

    Attributes
    ----------
    images
        (N, 1, *S), which the probe does not see; they say which units of two patients are alike.
    masks
        (visibilities, N, *S), bool, kept first.
    organ
        The clean predicted organ (N, *S), bool.
    """

    images: Tensor
    masks: Tensor
    organ: Tensor


def measure_probe(
    settings: dict, keys: list[dict[str, str | int | None]], files: dict[str, list[Path]], out: Path, compute: dict
) -> None:
    """Train a probe a fold on the other folds' masks, and count what it finds on its own fold's.

    Parameters
    ----------
    settings
        What `ProbePlan.probe_settings` gives.
    keys
        Key columns of each case, its `fold`, and as `partner` a case of another patient in the same fold, whose mask
        no more than its own was learned from.
    files
        Of each case what `read_shown` reads.
    out
        For rows of `tables.LEAK_COUNTS`, all of the judge "probe" and the content "constant".
    compute
        The config's `compute`.
    """
    where = choose(compute, compute["training_threads"])
    cases = {}
    for number, key in enumerate(keys):
        read = read_masked(key["case"], {name: listed[number] for name, listed in files.items()}, settings, where)
        cases |= {key["case"]: read} if read else {}
    rows = []
    for fold in sorted({key["fold"] for key in keys}):
        learned = [cases[key["case"]] for key in keys if key["fold"] != fold and key["case"] in cases]
        probe = train_probe(learned, settings, fold, where) if learned else None
        LOGGER.info("fold %d: learned from the masks of %d cases", fold, len(learned))
        for key in (one for one in keys if one["fold"] == fold):
            fixed = {**settings["key"], **key, "judge": JUDGE, "content": CONTENT, "seed": settings["seed"]}
            case, partner = cases.get(key["case"]), cases.get(key["partner"])
            for number, visibility in enumerate(settings["visibilities"]):
                counts = count(probe, case, partner, number, where) if probe and case else NOTHING
                rows.append(fixed | counts | {"visibility": visibility})
    tables.write(out, tables.LEAK_COUNTS, rows)


def read_masked(case: str, files: dict[str, Path], settings: dict, compute: Compute) -> MaskedCase | None:
    """Read the evaluated units of a case, masked at the `visibilities` of the settings; None where there are none."""
    target = make_target(settings["target"], settings["classes"])
    shown = read_shown(case, files, target, settings["min_voxels"], compute.device, dims=2)
    if not len(shown.units):
        return None
    places = shown.places(settings["seed"])
    masks = [visible(places, visibility, "kept_first") for visibility in settings["visibilities"]]
    return MaskedCase(shown.units.images, torch.stack(masks), target.predicted(shown.units.probabilities))


def train_probe(cases: list[MaskedCase], settings: dict, fold: int, compute: Compute) -> nn.Module:
    """A network that maps masks (N, 1, *S), 0 or 1, of any of the visibilities to logits of the organ (N, 1, *S).

    It is not told the visibility: the size of a mask says it.

    Parameters
    ----------
    settings
        `network`, `training` and `seed`; start and draws are the same for all explainers.
    """
    own, random = settings["training"], generator(settings["seed"], "probe", fold)
    masks = torch.cat([case.masks for case in cases], dim=1)
    organs = torch.cat([case.organ for case in cases]).float()[:, None]
    torch.manual_seed(random.initial_seed())
    network = fitting_network(settings["network"], 1, masks.shape[2:])
    start_at_prior(network, [organs.mean().item()])
    network = compute.place(network)
    loss = segmentation_loss(network, [1], 1.0, compute)
    optimizer = torch.optim.AdamW(network.parameters(), lr=own["learning_rate"], fused=True)
    schedule = SCHEDULES["one_cycle"](optimizer, own["steps"])
    for _ in range(own["steps"]):
        at, unit = (
            torch.randint(size, (own["batch_size"],), generator=random, device="cpu").to(compute.device)
            for size in masks.shape[:2]
        )
        step(network, optimizer, loss(masks[at, unit].float()[:, None], organs[unit]), LONGEST_GRADIENT)
        schedule.step()
    return network.eval()


def count(
    probe: nn.Module, case: MaskedCase, partner: MaskedCase | None, visibility: int, compute: Compute
) -> dict[str, int]:
    """Voxels of the clean prediction, of what is found through the case's own and the partner's masks, the overlaps.

    Parameters
    ----------
    partner
        It lends to each unit the mask of its unit that looks most alike; without one, these counts are left out.
    visibility
        Its place among those of the masks.
    """
    masks = {"own": case.masks[visibility]}
    if partner:
        masks["other"] = partner.masks[visibility, most_alike(case.images, partner.images)]
    counts = {"clean": int(case.organ.sum())}
    for whose, seen in masks.items():
        found = find(probe, seen, compute)
        counts |= {whose: int(found.sum()), f"{whose}_clean": int((found & case.organ).sum())}
    return counts


@torch.no_grad()
def find(probe: nn.Module, masks: Tensor, compute: Compute) -> Tensor:
    """The organ (N, *S), bool, that the probe predicts from masks (N, *S)."""

    def one_batch(part: Tensor) -> Tensor:
        with compute.autocast():
            return probe(part.float()[:, None])[:, 0].float().sigmoid() > THRESHOLD

    return in_batches(one_batch, compute.batch_size, masks)
