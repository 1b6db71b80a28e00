"""Which explainers meet every other, and what the interpreters of the explainers have seen in training."""

from functools import cached_property
from itertools import chain

from unoise.workflow import methods, paths
from unoise.workflow.case_plan import CasePlan


class ContestPlan(CasePlan):
    """The paired contests of an experiment."""

    @property
    def contestants(self) -> list[str]:
        """Explainers that meet every other explainer, patient by patient."""
        return self.config["contests"]["explainers"]

    @property
    def contest_tables(self) -> list[str]:
        """The table of the contests, where there are any."""
        return [f"{self.root}/{paths.TABLE.format(table='contests')}"] if self.contestants else []

    @cached_property
    def trained_with(self) -> dict[str, list[str]]:
        """What objective and augmentation show an explainer's interpreter, by explainer; without one, no entry."""
        interpreters = {
            key: self.config["interpreters"][one["interpreter"]]
            for key, one in self.config["explainers"].items()
            if "interpreter" in one
        }
        return {key: self._shown_to(one) for key, one in interpreters.items()}

    @staticmethod
    def _shown_to(interpreter: dict) -> list[str]:
        objective = interpreter["objective"]
        shown = [methods.find("training.objectives", objective["method"]).fillings(objective)]
        for kind in {"training", "pretraining"} & interpreter.keys():
            augmentation = methods.find("training.augmentations", interpreter[kind]["augmentation"])
            shown.append(augmentation.fillings({}))
        return list(dict.fromkeys(chain(*shown)))
