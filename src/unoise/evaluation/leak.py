"""What masks tell by their shape: how much of the organ judges find where none of it is visible.

Through a mask they see content without this patient's organ, surrounded by the mean of the training bodies. What they
find of the clean prediction they have from the mask, or know from where organs lie; the same content seen through
another patient's mask says how much is the latter.
"""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from unoise import tables
from unoise.compute import choose
from unoise.evaluation.judges import Judges
from unoise.evaluation.masks import visible
from unoise.evaluation.shown import Shown, read_shown
from unoise.obscurers.donor import most_alike
from unoise.workflow import methods

NOTHING = dict.fromkeys(("clean", "own", "own_clean", "other", "other_clean"), 0)


class LeakCases:
    """Counts what the masks of one explainer tell, for the cases of a job.

    Parameters
    ----------
    settings
        `key`, the values of the columns model, target and explainer, and what `Plan.leak_settings` gives.
    judges
        Model files, as `Judges` takes them.
    compute
        The config's `compute`.
    """

    def __init__(self, settings: dict, judges: dict[str, Path], compute: dict):
        self.compute = choose(compute, compute["case_threads"])
        self.judges = Judges(judges, settings["target"], self.compute)
        self.contents = {
            name: methods.find("evaluation.contents", name).load().CONTENT for name in settings["contents"]
        }
        self.settings = settings

    def __call__(self, key: dict[str, str | None], files: dict[str, Path], out: dict[str, Path]) -> None:
        """Count one case and write its rows of `tables.LEAK_COUNTS` as `counts`.

        Parameters
        ----------
        key
            Values of the key columns case, patient and split, and as `partner` the case that lends the other mask.
        files
            Its preprocessed `image` and `label`, each judge's `prediction_<name>`, the `importance` map and, where a
            content needs it, the preprocessed image of the `donor`; all but the last, and the judges' beside the
            original, also of the partner, as `partner_image` and so on.
        """
        case, seed = key["case"], self.settings["seed"]
        shown = self._shown(case, files)
        rows = []
        if len(shown.units):
            places = {"own": shown.places(seed)} | self._other_places(shown, key["partner"], files)
            clean = self.judges.clean(files, shown.units, shown.keep)
            target = self.judges.target.place(shown.units.probabilities)
            around = self.judges.surroundings(case, files, seed)
            for name, content in self.contents.items():
                filling = content(shown.units, around)
                for visibility in self.settings["leak_visibilities"]:
                    fixed = {**self.settings["key"], **key, "content": name, "visibility": visibility, "seed": seed}
                    counted = self._count(filling, around.body_mean, places, visibility, clean, target)
                    rows += [fixed | {"judge": judge, **counts} for judge, counts in counted.items()]
        elif shown.labelled is None:
            rows = [{**self.settings["key"], **key, "seed": seed, **row} for row in self._empty()]
        tables.write(out["counts"], tables.LEAK_COUNTS, rows)

    def _empty(self) -> Iterator[dict]:
        """Rows that say that a region is empty in the case."""
        asked = (self.judges.names, self.contents, self.settings["leak_visibilities"])
        for judge, content, visibility in product(*asked):
            yield {"judge": judge, "content": content, "visibility": visibility, **NOTHING}

    def _shown(self, case: str, files: dict[str, Path]) -> Shown:
        device, dims = self.compute.device, self.judges.original.dims
        return read_shown(case, files, self.judges.target, self.settings["min_voxels"], device, dims)

    def _other_places(self, shown: Shown, partner: str | None, files: dict[str, Path]) -> dict[str, Tensor]:
        """As `other`, for each unit the places of the partner's evaluated unit that looks most alike, if it has any.

        The partner's map lies on the unit's grid as a donor's voxels do.
        """
        if partner is None:
            return {}
        lent = {name.removeprefix("partner_"): path for name, path in files.items() if name.startswith("partner_")}
        other = self._shown(partner, lent)
        if not len(other.units):
            return {}
        places = other.places(self.settings["seed"], shown.importance.shape[1:])
        return {"other": places[most_alike(shown.units.images, other.units.images)]}

    def _count(
        self,
        filling: Tensor,
        around: float,
        places: dict[str, Tensor],
        visibility: float,
        clean: dict[str, Tensor],
        target: Tensor,
    ) -> dict[str, dict[str, int]]:
        """By judge, the voxels of what it keeps of the target in full, of what through each mask, and of both."""
        whole = {judge: self.judges.target.kept(decided, decided, target) for judge, decided in clean.items()}
        counts = {judge: {"clean": int(one.sum())} for judge, one in whole.items()}
        for whose, ranked in places.items():
            mask = visible(ranked, visibility, "kept_first")[:, None]
            for judge, kept in self.judges.kept(torch.where(mask, filling, around), clean, target):
                counts[judge] |= {whose: int(kept.sum()), f"{whose}_clean": int((kept & whole[judge]).sum())}
        return counts
