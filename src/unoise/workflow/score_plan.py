"""What is scored beside the curves, and whose explanations are perturbed for it."""

from unoise.workflow import methods, paths
from unoise.workflow.digest import code_digest
from unoise.workflow.given_plan import GivenPlan


class ScorePlan(GivenPlan):
    """The scores of an experiment."""

    @property
    def perturbed(self) -> list[str]:
        """Explainers whose infidelity and sensitivity are measured."""
        return self.config["faithfulness"]["explainers"]

    @property
    def faithfulness_files(self) -> list[str]:
        """A file a target and explainer with these two."""
        return [
            f"{self.root}/{paths.FAITHFULNESS.format(target=target, explainer=explainer)}"
            for target in self.config["targets"]
            for explainer in self.perturbed
        ]

    def faithfulness_settings(self, target: str, explainer: str) -> dict:
        """All settings that decide what these two are."""
        own = {name: value for name, value in self.config["faithfulness"].items() if name != "explainers"}
        return {
            "key": {"model": self.segmenter, "target": target, "explainer": explainer},
            "explainer": {**self.config["explainers"][explainer], "seed": self.config["seed"]},
            "target": self.config["targets"][target],
            "min_voxels": self.config["evaluation"]["min_voxels"],
            "seed": self.config["seed"],
            **own,
        }

    def faithfulness_code(self, target: str, explainer: str) -> str:
        """Digest of the code of the measurement, of the target and of the explainer."""
        method = methods.find("explainers", self.config["explainers"][explainer]["method"])
        return code_digest("unoise.evaluation.faithfulness", self.target_module(target), method.module)

    @property
    def test_patients(self) -> dict[str, str]:
        """Whose each test case is."""
        return {case: self.cases[case].patient for case in self.ids("test")}
