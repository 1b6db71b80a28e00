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
from unoise.obscurers.base import Obscurer, make_obscurer

ORDERS = ("kept_first", "removed_first")


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
        around = self.judges.surroundings(case, files, seed)
        fixed = {**self.settings["key"], **key, "repeat": 0, "seed": seed}
        rows = []
        if len(shown.units):
            regions = {
                "body": body[shown.keep][:, 0] > 0,
                "target": self.judges.target.place(shown.units.probabilities),
                **({} if shown.labelled is None else {"label": shown.labelled}),
            }
            clean = self.judges.clean(case, files, shown.keep)
            places = shown.places(seed)
            for name, obscurer in self.obscurers.items():
                filling = obscurer.fill(shown.units, around)
                found = self._rows(shown.units, regions, clean, places, obscurer, filling)
                rows += [{**fixed, "obscurer": name, **row} for row in found]
        elif shown.labelled is None:
            rows = [fixed | row for row in self._empty()]
        tables.write(out["metrics"], tables.METRICS, rows)

    def _empty(self) -> Iterator[dict]:
        """Rows that say that a region is empty in the case: without a unit, and of no voxel."""
        nothing = torch.zeros(1, 0, dtype=torch.bool, device=self.compute.device)
        counts = count(nothing, nothing, {"body": nothing, "clean": nothing})[0]
        for judge, obscurer, order in product(self.judges.names, self.obscurers, ORDERS):
            for visibility in self.settings[order]:
                yield {"judge": judge, "obscurer": obscurer, "order": order, "visibility": visibility, **counts}

    def _rows(
        self,
        units: Units,
        regions: dict[str, Tensor],
        clean: dict[str, Tensor],
        places: Tensor,
        obscurer: Obscurer,
        filling: Tensor,
    ) -> Iterator[dict]:
        for order in ORDERS:
            visibilities = self.settings[order]
            masks = torch.cat([visible(places, visibility, order) for visibility in visibilities])
            for part in torch.arange(len(masks), device=places.device).split(self.judges.original.units_at_once):
                unit, mask = part % len(units), masks[part]
                images = obscurer.obscure(units.images[unit], mask[:, None], filling[unit])
                own = {name: region[unit] for name, region in regions.items()}
                decided = {judge: one[unit] for judge, one in clean.items()}
                for judge, kept in self.judges.kept(images, decided, own["target"]):
                    whole = self.judges.target.kept(decided[judge], decided[judge], own["target"])
                    counts = count(kept, mask, own | {"clean": whole})
                    for place, one in zip(part.tolist(), counts, strict=True):
                        step, number = divmod(place, len(units))
                        yield {
                            "unit": units.index[number],
                            "judge": judge,
                            "order": order,
                            "visibility": visibilities[step],
                            **one,
                        }


def count(kept: Tensor, mask: Tensor, regions: dict[str, Tensor]) -> list[dict[str, int]]:
    """Voxel counts of each unit, by the names of the table's columns; all tensors are (N, *S), bool.

    Parameters
    ----------
    kept
        From `Judges.kept`.
    mask
        What is visible.
    regions
        `body`, `clean` and, where the target is a class, `label`.
    """
    counted = {
        "voxels": torch.ones_like(mask),
        "visible": mask,
        "body": regions["body"],
        "visible_body": mask & regions["body"],
        "clean": regions["clean"],
        "obscured": kept,
        "obscured_clean": kept & regions["clean"],
    }
    if "label" in regions:
        counted |= {"label": regions["label"], "obscured_label": kept & regions["label"]}
    sums = torch.stack([one.flatten(1).sum(1) for one in counted.values()], dim=1).tolist()
    return [dict(zip(counted, row, strict=True)) for row in sums]
