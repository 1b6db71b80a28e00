"""What each region is needed for: the prediction with this region alone hidden, whatever any explanation says."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from unoise import tables
from unoise.compute import choose
from unoise.data.units import Units, read_parts, read_units
from unoise.evaluation.judges import Judges
from unoise.evaluation.regions import Region, read_regions
from unoise.obscurers.base import Obscurer, make_obscurer
from unoise.workflow.names import ORIGINAL


class NecessityCases:
    """Hides one region after the other, for the cases of a job.

    Parameters
    ----------
    settings
        `key`, the values of the columns model and target, `obscurers`, and what `RegionPlan.region_settings` gives.
    judges
        The segmenter's model file, as `judge_original`.
    compute
        The config's `compute`.
    """

    def __init__(self, settings: dict, judges: dict[str, Path], compute: dict):
        self.compute = choose(compute, compute["case_threads"])
        self.judges = Judges(judges, settings["target"], self.compute)
        self.obscurers = {name: make_obscurer(name, own) for name, own in settings["obscurers"].items()}
        self.settings = settings

    def __call__(self, key: dict, files: dict[str, Path], out: dict[str, Path]) -> None:
        """Measure one case and write its rows of `tables.REGION_COUNTS` as `counts`.

        Parameters
        ----------
        key
            Values of the key columns case, patient and split, and `values` as `read_regions` takes them.
        files
            Its preprocessed `image` and `label`, `prediction_original`, what `read_regions` reads and, where an
            obscurer needs it, the preprocessed image of the `donor`.
        """
        values, key = key["values"], {name: one for name, one in key.items() if name != "values"}
        case, device, dims = key["case"], self.compute.device, self.judges.original.dims
        units, _ = read_units(case, files["image"], files["prediction_original"], device, dims)
        label = read_parts(files["label"], case, device, dims)[0][:, 0]
        target = self.judges.target
        units = target.locate(units, label)
        keep = target.voxels(units, label) >= self.settings["min_voxels"]
        units = units.select(keep)
        clean = target.decided(units.probabilities)
        around = self.judges.surroundings(case, files, self.settings["seed"])
        fixed = {**self.settings["key"], **key, "judge": ORIGINAL, "seed": self.settings["seed"]}
        organ = target.predicted(units.probabilities)
        regions = list(read_regions(case, files, values, organ, keep, units.spacing, self.settings))
        rows = []
        for name, obscurer in self.obscurers.items() if len(units) else ():
            filling = obscurer.fill(units, around)
            rows += [fixed | {"obscurer": name} | row for row in self._rows(regions, units, clean, obscurer, filling)]
        tables.write(out["counts"], tables.REGION_COUNTS, rows)

    def _rows(
        self, regions: list[Region], units: Units, clean: Tensor, obscurer: Obscurer, filling: Tensor
    ) -> Iterator[dict]:
        place = self.judges.target.place(units.probabilities)
        whole = self.judges.target.kept(clean, clean, place)
        for region in regions:
            obscured = whole.clone()
            hidden = region.inside.flatten(1).any(1) & region.known  # other units stay as they are
            if hidden.any():
                visible = ~region.inside[hidden][:, None]
                images = obscurer.obscure(units.images[hidden], visible, filling[hidden])
                ((_, obscured[hidden]),) = self.judges.kept(images, {ORIGINAL: clean[hidden]}, place[hidden])
            masks = (torch.ones_like(whole), region.inside, whole, obscured, obscured & whole)
            names = ("voxels", "inside", "clean", "obscured", "obscured_clean")
            yield region.key | dict(zip(names, region.count(*masks), strict=True))
