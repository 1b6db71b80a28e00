"""What is scored beside the curves, and whose explanations are perturbed for it."""

from unoise.workflow import paths
from unoise.workflow.case_plan import CasePlan


class ScorePlan(CasePlan):
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

    @property
    def test_patients(self) -> dict[str, str]:
        """Whose each test case is."""
        return {case: self.cases[case].patient for case in self.ids("test")}
