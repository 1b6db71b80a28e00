"""Whose maps are turned into a noise scale in HU, and on which cases it is fitted and measured."""

from pathlib import Path

from unoise.errors import UserError
from unoise.workflow import paths
from unoise.workflow.digest import code_digest
from unoise.workflow.evaluation_plan import EvaluationPlan


class NoisePlan(EvaluationPlan):
    """The noise scales of an experiment."""

    def __init__(self, config: dict, project: Path):
        super().__init__(config, project)
        self._check_noise()

    @property
    def noisy(self) -> list[str]:
        """Explainers whose maps are turned into a noise scale."""
        return self.config["noise"]["explainers"]

    def noise_files(self, split: str) -> dict[str, list[str]]:
        """Rule inputs of a noise trial, a file a case of a split, with the wildcards target and explainer."""
        bodies = [f"{self.root}/{paths.BODY.format(case=case)}" for case in self.ids(split)]
        return self.shown_files(self.ids(split)) | {"body": bodies}

    @property
    def noise_scales(self) -> list[str]:
        """Every volume of a noise scale in HU."""
        free = {"volume": "noise_scale", "model": self.segmenter}
        return [
            f"{self.root}/{paths.MAP.format(target=target, explainer=explainer, case=case, **free)}"
            for target in self.config["targets"]
            for explainer in self.noisy
            for case in self.ids()
        ]

    def noise_settings(self, target: str, explainer: str) -> dict:
        """All settings that decide what fitting and measuring a noise scale give."""
        return {
            "key": {"model": self.segmenter, "target": target, "explainer": explainer},
            "target": self.config["targets"][target],
            "min_voxels": self.config["evaluation"]["min_voxels"],
            "smallest_hu": self.config["noise"]["smallest_hu"],
            "largest_hu": self.config["noise"]["largest_hu"],
            "seed": self.config["seed"],
        }

    def noise_code(self, target: str) -> str:
        """Digest of the code of fitting and measuring, and of the target."""
        return code_digest("unoise.evaluation.noise", self.target_module(target))

    def _check_noise(self) -> None:
        for split in ("validation", "test"):
            if self.noisy and not self.ids(split):
                raise UserError(
                    f"no case is in the split {split!r}, which `noise` needs",
                    file=self.manifest,
                    remedy="Leave noise.explainers empty, or give the split cases",
                )
