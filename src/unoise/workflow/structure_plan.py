"""Which explainers are given the labelled structures of a case."""

from collections.abc import Iterable

from unoise.workflow import methods, paths
from unoise.workflow.case_plan import CasePlan


class StructurePlan(CasePlan):
    """Structures of the dataset's labels for the explainers that need them."""

    def structure_input(self, explainers: Iterable[str], cases: list[str]) -> dict[str, list[str]]:
        """The rule input `structures`, a file a case, where an explainer needs it."""
        chosen = [methods.find("explainers", self.config["explainers"][key]["method"]) for key in explainers]
        if not any("structures" in method.needs for method in chosen):
            return {}
        return {"structures": [f"{self.root}/{paths.STRUCTURES.format(case=case)}" for case in cases]}
