"""The segmentation of images obscured by an importance map, counted voxel by voxel."""

from pathlib import Path

import torch
from torch import Tensor

from unoise import tables
from unoise.compute import choose
from unoise.data.units import Units, read_slices, read_units
from unoise.evaluation.masks import ranks, tie_breakers, visible
from unoise.networks.segmenter import Segmenter
from unoise.obscurers.base import Obscurer, Surroundings, make_obscurer
from unoise.targets.class_target import ClassTarget, make_target

JUDGE = "original"


class EvaluateCases:
    """Evaluates the maps of one explainer for the cases of a job.

    Parameters
    ----------
    settings
        `key`, the values of the columns model, target and explainer, and what `Plan.evaluation_settings` gives.
    segmenter
        Model file.
    compute
        The config's `compute`.
    """

    def __init__(self, settings: dict, segmenter: Path, compute: dict):
        self.compute = choose(compute, compute["case_threads"])
        self.segmenter = Segmenter.load(segmenter, self.compute)
        self.target = make_target(settings["target"], self.segmenter.classes)
        self.obscurers = {name: make_obscurer(name, own) for name, own in settings["obscurers"].items()}
        self.settings = settings

    def __call__(self, key: dict[str, str], files: dict[str, Path], out: dict[str, Path]) -> None:
        """Evaluate one case and write its rows of `tables.METRICS` as `metrics`.

        Parameters
        ----------
        key
            Values of the key columns case, patient and split.
        files
            Its preprocessed `image`, `label` and `body`, the `prediction`, the `importance` map and, where an obscurer
            needs it, the preprocessed image of the `donor`.
        """
        device, case, seed = self.compute.device, key["case"], self.settings["seed"]
        units, _ = read_units(case, files["image"], files["prediction"], device)
        label, body, importance = (
            read_slices(files[name], case, device)[0][:, 0] for name in ("label", "body", "importance")
        )
        donor = read_slices(files["donor"], case, device)[0] if "donor" in files else None
        around = Surroundings(self.segmenter.window, self.segmenter.body_mean, donor, seed)
        shown = evaluated(self.target, units.probabilities, label, self.settings["min_voxels"])
        rows = []
        if shown.any():
            units = units.select(shown)
            regions = {
                "body": body[shown] > 0,
                "label": self.target.labelled(label[shown]),
                "clean": self.target.predicted(units.probabilities),
            }
            places = ranks(importance[shown], tie_breakers(units, seed))
            for name, obscurer in self.obscurers.items():
                fixed = {**self.settings["key"], **key, "obscurer": name, "judge": JUDGE, "repeat": 0, "seed": seed}
                rows += [fixed | row for row in self._rows(units, regions, places, obscurer, around)]
        tables.write(out["metrics"], tables.METRICS, rows)

    def _rows(
        self,
        units: Units,
        regions: dict[str, Tensor],
        places: Tensor,
        obscurer: Obscurer,
        around: Surroundings,
    ) -> list[dict]:
        filling = obscurer.fill(units, around)
        rows = []
        for order in ("kept_first", "removed_first"):
            visibilities = self.settings[order]
            masks = torch.cat([visible(places, visibility, order) for visibility in visibilities])
            for part in torch.arange(len(masks), device=places.device).split(self.compute.batch_size):
                unit, mask = part % len(units), masks[part]
                images = obscurer.obscure(units.images[unit], mask[:, None], filling[unit])
                predicted = self.target.predicted(self.segmenter.probabilities(images))
                counts = count(predicted, mask, {name: region[unit] for name, region in regions.items()})
                for place, one in zip(part.tolist(), counts, strict=True):
                    step, number = divmod(place, len(units))
                    rows.append({"unit": units.index[number], "order": order, "visibility": visibilities[step], **one})
        return rows


def evaluated(target: ClassTarget, probabilities: Tensor, label: Tensor, min_voxels: int) -> Tensor:
    """Units (N,), bool, in which the label or the clean prediction has at least `min_voxels` of the target."""
    predicted = target.predicted(probabilities).flatten(1).sum(1)
    labelled = target.labelled(label).flatten(1).sum(1)
    return torch.maximum(predicted, labelled) >= min_voxels


def count(predicted: Tensor, mask: Tensor, regions: dict[str, Tensor]) -> list[dict[str, int]]:
    """Voxel counts of each unit, by the names of the table's columns; all tensors are (N, *S), bool."""
    counted = {
        "voxels": torch.ones_like(mask),
        "visible": mask,
        "body": regions["body"],
        "visible_body": mask & regions["body"],
        "label": regions["label"],
        "clean": regions["clean"],
        "obscured": predicted,
        "obscured_label": predicted & regions["label"],
        "obscured_clean": predicted & regions["clean"],
    }
    sums = torch.stack([one.flatten(1).sum(1) for one in counted.values()], dim=1).tolist()
    return [dict(zip(counted, row, strict=True)) for row in sums]
