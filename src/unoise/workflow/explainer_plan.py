"""Which explainers share rules, what they are given, and what decides their maps."""

from functools import cached_property

from unoise.workflow import methods, paths
from unoise.workflow.digest import code_digest
from unoise.workflow.evaluation_plan import Group
from unoise.workflow.given_plan import GivenPlan
from unoise.workflow.guarantee_plan import CALIBRATION, GuaranteePlan
from unoise.workflow.manifest import SPLITS
from unoise.workflow.names import CONTROL
from unoise.workflow.noise_plan import NoisePlan
from unoise.workflow.reference_plan import ReferencePlan


class ExplainerPlan(GuaranteePlan, NoisePlan, GivenPlan, ReferencePlan):
    """The explainers of an experiment."""

    def method(self, explainer: str) -> methods.Method:
        """What the module of an explainer declares."""
        return methods.find("explainers", self.config["explainers"][explainer]["method"])

    def explainer_settings(self, explainer: str) -> dict:
        """The settings of an explainer and the seed."""
        return {**self.config["explainers"][explainer], "seed": self.config["seed"]}

    @cached_property
    def explainer_groups(self) -> list[Group]:
        """The explainers by what they are given, what they make and for whom."""
        groups: dict[tuple, list[str]] = {}
        for key in self.config["explainers"]:
            method = self.method(key)
            given = self.given(key)
            wanted = {*self.evaluated_splits(key), *self.protocol_splits}
            splits = tuple(split for split in SPLITS if "interpreter" in given or key in self.noisy or split in wanted)
            name = "_".join(given) or ("controls" if key.startswith(CONTROL) else "rivals")
            groups.setdefault((name, method.volumes, splits), []).append(key)
        return [
            Group(f"{name}{number}", tuple(keys), volumes, splits)
            for number, ((name, volumes, splits), keys) in enumerate(groups.items(), 1)
        ]

    @cached_property
    def calibration_explainer_groups(self) -> list[Group]:
        """Explainers that explain the calibration cases for the guarantee alone."""
        groups = [group for group in self.explainer_groups if set(CALIBRATION) <= set(group.splits)]
        alone = [key for key in self.guaranteed if not any(key in group.explainers for group in groups)]
        return [
            Group(f"calibration{number}", (key,), self.method(key).volumes, CALIBRATION)
            for number, key in enumerate(alone, 1)
        ]

    def explained(self, path: str) -> list[str]:
        """Every file of a path with the wildcards model, target, explainer and case that explaining makes."""
        return self._files(path, self.explainer_groups)

    @cached_property
    def interpreted(self) -> list[str]:
        """Explainers that use an interpreter."""
        return [key for key in self.config["explainers"] if "interpreter" in self.method(key).needs]

    def interpreter_input(self, group: Group) -> dict:
        """The rule input `interpreter` for a group of explainers that need one, else nothing."""
        if not any("interpreter" in self.method(key).needs for key in group.explainers):
            return {}

        return {"interpreter": lambda wildcards: self.interpreter_file(wildcards.explainer, paths.WEIGHTS)}

    def interpreter_file(self, explainer: str, path: str) -> str:
        """A file of the interpreter that an explainer uses, by its path with the wildcard model."""
        return f"{self.root}/{path.format(model=self.interpreter(explainer))}"

    def explainer_input(self, explainer: str, target: str) -> dict[str, str]:
        """The rule inputs of one explainer that all cases share."""
        learned = (
            {"interpreter": self.interpreter_file(explainer, paths.WEIGHTS)} if explainer in self.interpreted else {}
        )
        return learned | self.reference_input([explainer]) | self.atlas_input([explainer], target)

    @property
    def explainer_modules(self) -> list[str]:
        """Modules of all explainers of the config."""
        return sorted({self.method(key).module for key in self.config["explainers"]})

    def explainer_code(self, target: str, explainer: str) -> str:
        """Digest of the code behind an explainer's maps of a target."""
        return code_digest("unoise.explainers.base", self.target_module(target), self.method(explainer).module)
