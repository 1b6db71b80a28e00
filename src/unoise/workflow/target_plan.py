"""What is explained: which code and which files each target needs, and which classes interpreters learn."""

from collections.abc import Callable

from unoise.workflow import methods, paths
from unoise.workflow.case_plan import CasePlan
from unoise.workflow.config.targets import is_class


class TargetPlan(CasePlan):
    """The targets of an experiment."""

    def target_module(self, target: str) -> str:
        """The module of a target's kind, for digests of code."""
        return methods.target(self.config["targets"][target]).module

    @property
    def target_modules(self) -> list[str]:
        """Of all targets."""
        return sorted({self.target_module(target) for target in self.config["targets"]})

    def label_input(self, cases: list[str]) -> Callable[..., dict[str, list[str]]]:
        """For a rule with the wildcard target: its input `label`, a file a case, where the target needs it."""
        files = [f"{self.root}/{paths.LABEL.format(case=case)}" for case in cases]

        def chosen(wildcards) -> dict[str, list[str]]:
            needs = methods.target(self.config["targets"][wildcards.target]).needs
            return {"label": files} if "label" in needs else {}

        return chosen

    @property
    def class_targets(self) -> list[str]:
        """Targets that are a whole class, and so have a Dice with the label."""
        return [name for name, one in self.config["targets"].items() if is_class(one)]

    @property
    def learned_targets(self) -> dict[str, dict]:
        """The targets that interpreters learn, which are classes: those of the config, and others' classes, each once.

        A target that is not a class is explained by what an interpreter says of its class.
        """
        targets = self.config.get("all_targets", self.config["targets"])
        learned = {name: one for name, one in targets.items() if is_class(one)}
        for name, one in targets.items():
            if one["class"] not in {known["class"] for known in learned.values()}:
                learned[name] = {"class": one["class"]}
        return learned
