"""Which training images an explainer may know."""

from collections.abc import Iterable

from unoise.files import content_hash
from unoise.workflow import methods, paths
from unoise.workflow.case_plan import CasePlan

REFERENCES = 8  # training cases


class ReferencePlan(CasePlan):
    """Training images for the explainers that need `references`."""

    def reference_input(self, explainers: Iterable[str]) -> dict[str, str]:
        """The rule inputs `reference_<number>`, which all cases share: a seeded draw, where an explainer needs them."""
        chosen = [methods.find("explainers", self.config["explainers"][key]["method"]) for key in explainers]
        if not any("references" in method.needs for method in chosen):
            return {}
        drawn = sorted(self.ids("train"), key=lambda case: content_hash(self.config["seed"], "references", case))
        files = [f"{self.root}/{paths.IMAGE.format(case=case)}" for case in drawn[:REFERENCES]]
        return {f"reference_{number}": file for number, file in enumerate(files)}
