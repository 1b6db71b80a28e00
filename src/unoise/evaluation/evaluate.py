"""The segmentation of images obscured by an importance map, counted voxel by voxel."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from unoise import tables
from unoise.compute import choose
from unoise.data.units import Units, read_parts
from unoise.evaluation.judges import Judges
from unoise.evaluation.masks import visible
from unoise.evaluation.shown import read_shown
from unoise.obscurers.base import make_obscurer

ORDERS = ("kept_first", "removed_first")
NOTHING = dict.fromkeys(("voxels", "visible", "body", "visible_body", "clean", "obscured", "obscured_clean"), 0)


class EvaluateCases:
    """Evaluates the maps of one explainer for the cases of a job.

    Parameters
    ----------
    settings
        `key`, the values of the columns model, target and explainer, and what `Plan.evaluation_settings` gives.
    judges
        Model files, as `Judges` takes them.
    compute
        The config's `compute`.
    """

    def __init__(self, settings: dict, judges: dict[str, Path], compute: dict):
        self.compute = choose(compute, compute["case_threads"])
        self.judges = Judges(judges, settings["target"], self.compute)
        self.obscurers = {name: make_obscurer(name, own) for name, own in settings["obscurers"].items()}
        self.settings = settings

    def __call__(self, key: dict[str, str], files: dict[str, Path], out: dict[str, Path]) -> None:
        """Evaluate one case and write its rows of `tables.METRICS` as `metrics`.

        Parameters
        ----------
        key
            Values of the key columns case, patient and split.
        files
            Its preprocessed `image`, `label` and `body`, each judge's `prediction_<name>`, the `importance` map and,
            where an obscurer needs it, the preprocessed image of the `donor`.
        """
        device, dims = self.compute.device, self.judges.original.dims
        case, seed = key["case"], self.settings["seed"]
        shown = read_shown(case, files, self.judges.target, self.settings["min_voxels"], device, dims)
        body, _ = read_parts(files["body"], case, device, dims)
        fixed = {**self.settings["key"], **key, "repeat": 0, "seed": seed}
        rows = []
        if len(shown.units):
            regions = {
                "body": body[shown.keep][:, 0] > 0,
                "target": self.judges.target.place(shown.units.probabilities),
                **({} if shown.labelled is None else {"label": shown.labelled}),
            }
            clean = self.judges.clean(files, shown.units, shown.keep)
            around = self.judges.surroundings(case, files, seed)
            fillings = {name: obscurer.fill(shown.units, around) for name, obscurer in self.obscurers.items()}
            found = self._rows(shown.units, regions, clean, shown.places(seed), fillings)
            rows = [fixed | row for row in found]
        elif shown.labelled is None:
            rows = [fixed | row for row in self._empty()]
        tables.write(out["metrics"], tables.METRICS, rows)

    def _empty(self) -> Iterator[dict]:
        """Rows that say that a region is empty in the case: without a unit, and of no voxel."""
        for judge, obscurer, order in product(self.judges.names, self.obscurers, ORDERS):
            for visibility in self.settings[order]:
                yield {"judge": judge, "obscurer": obscurer, "order": order, "visibility": visibility, **NOTHING}

    def _rows(
        self,
        units: Units,
        regions: dict[str, Tensor],
        clean: dict[str, Tensor],
        places: Tensor,
        fillings: dict[str, Tensor],
    ) -> Iterator[dict]:
        """Rows of all obscurers; the counts stay on the device until the last is there, so that nothing waits."""
        whole = {judge: self.judges.target.kept(one, one, regions["target"]) for judge, one in clean.items()}
        keys, counts = [], []
        for order in ORDERS:
            visibilities = self.settings[order]
            masks = torch.cat([visible(places, visibility, order) for visibility in visibilities])
            shown = [
                {"order": order, "visibility": one, "unit": unit} for one, unit in product(visibilities, units.index)
            ]
            numbers = torch.arange(len(masks), device=places.device) % len(units)
            for first in range(0, len(masks), self.judges.original.units_at_once):
                part = slice(first, first + self.judges.original.units_at_once)
                unit, mask = numbers[part], masks[part]
                images, own = units.images[unit], {name: region[unit] for name, region in regions.items()}
                decided = {judge: one[unit] for judge, one in clean.items()}
                seen = count_visible(mask, own)
                for name, obscurer in self.obscurers.items():
                    obscured = obscurer.obscure(images, mask[:, None], fillings[name][unit])
                    for judge, kept in self.judges.kept(obscured, decided, own["target"]):
                        keys += [{"judge": judge, "obscurer": name, **one} for one in shown[part]]
                        counts.append(seen | count_kept(kept, own | {"clean": whole[judge][unit]}))
        columns = {name: torch.cat([one[name] for one in counts]).tolist() for name in counts[0]}
        for key, *values in zip(keys, *columns.values(), strict=True):
            yield key | dict(zip(columns, values, strict=True))


def count_visible(mask: Tensor, regions: dict[str, Tensor]) -> dict[str, Tensor]:
    """Voxel counts (N,) of what a mask shows, by the names of the table's columns; tensors are (N, *S), bool.

    Parameters
    ----------
    regions
        `body` and, where the target is a class, `label`.
    """
    counted = {
        "voxels": torch.ones_like(mask),
        "visible": mask,
        "body": regions["body"],
        "visible_body": mask & regions["body"],
    }
    return _sums(counted | ({"label": regions["label"]} if "label" in regions else {}))


def count_kept(kept: Tensor, regions: dict[str, Tensor]) -> dict[str, Tensor]:
    """Voxel counts (N,) of an obscured prediction, by the names of the table's columns; tensors are (N, *S), bool.

    Parameters
    ----------
    kept
        From `Judges.kept`.
    regions
        `clean` and, where the target is a class, `label`.
    """
    counted = {"clean": regions["clean"], "obscured": kept, "obscured_clean": kept & regions["clean"]}
    return _sums(counted | ({"obscured_label": kept & regions["label"]} if "label" in regions else {}))


def _sums(masks: dict[str, Tensor]) -> dict[str, Tensor]:
    """True voxels of each unit; int32 holds those of any volume, and takes a third of the time of int64."""
    return {name: mask.flatten(1).sum(1, dtype=torch.int32) for name, mask in masks.items()}
