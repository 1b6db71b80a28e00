"""Whose interpreters are trained again, with which seeds."""

from dataclasses import dataclass
from functools import cached_property

from unoise.files import content_hash
from unoise.workflow import paths
from unoise.workflow.model_plan import ModelPlan


@dataclass(frozen=True)
class Retraining:
    """An interpreter that is trained once more.

    Attributes
    ----------
    first
        The `<model>` that is trained with the config's seed.
    settings
        As `ModelPlan.interpreter_settings`, with another seed.
    """

    first: str
    settings: dict


class StabilityPlan(ModelPlan):
    """The interpreters that are trained again to see whether maps stay the same; nothing else uses them."""

    @property
    def retrained_explainers(self) -> list[str]:
        """Explainers whose interpreter is trained again."""
        return self.config["stability"]["explainers"]

    @property
    def stability_tables(self) -> list[str]:
        """The table of the comparisons, where there are any."""
        return [f"{self.root}/{paths.TABLE.format(table='stability')}"] if self.retrained_explainers else []

    @cached_property
    def retrainings(self) -> dict[str, Retraining]:
        """Every interpreter to train again, by its `<model>`."""
        return {model: one for key in self.retrained_explainers for model, one in self._retrainings(key).items()}

    def retrained_weights(self, explainer: str) -> list[str]:
        """Files of an explainer's interpreter as trained with each of the further seeds, in their order."""
        return [f"{self.root}/{paths.WEIGHTS.format(model=model)}" for model in self._retrainings(explainer)]

    def _retrainings(self, explainer: str) -> dict[str, Retraining]:
        key, found = self.config["explainers"][explainer]["interpreter"], {}
        for seed in self.config["stability"]["seeds"]:
            settings = self.interpreter_settings(key) | {"seed": seed}
            found[f"{key}-{content_hash(settings)[:8]}"] = Retraining(self.interpreter(explainer), settings)
        return found
