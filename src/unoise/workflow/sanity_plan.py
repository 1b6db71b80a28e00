"""Which segmenters that learned nothing, or something else, are explained beside the segmenter."""

from functools import cached_property
from pathlib import Path

from unoise.errors import UserError
from unoise.files import content_hash
from unoise.workflow import paths
from unoise.workflow.given_plan import GivenPlan
from unoise.workflow.model_plan import ModelPlan
from unoise.workflow.reference_plan import ReferencePlan
from unoise.workflow.stability_plan import Retraining

PERMUTED = {"labels": "permuted"}


class SanityPlan(ModelPlan, GivenPlan, ReferencePlan):
    """The sanity checks of an experiment; nothing else uses the models that they need."""

    def __init__(self, config: dict, project: Path):
        super().__init__(config, project)
        if "permuted" in self.sanity_models and len({self.cases[case].patient for case in self.ids("train")}) < 2:
            raise UserError(
                "labels are permuted between training patients: one is too few",
                file=self.manifest,
                remedy="Set sanity.permuted to false, or give the split 'train' more patients",
            )

    @property
    def questioned(self) -> list[str]:
        """Explainers whose maps are checked."""
        return self.config["sanity"]["explainers"]

    @property
    def sanity_tables(self) -> list[str]:
        """The table of the checks, where there are any."""
        return [f"{self.root}/{paths.TABLE.format(table='sanity')}"] if self.questioned else []

    def sanity_figures(self, target: str) -> list[str]:
        """The figure of the checks, where there are any."""
        return [f"{self.root}/figures/{target}/sanity.png"] if self.questioned else []

    @cached_property
    def sanity_models(self) -> dict[str, str]:
        """The `<model>` of the segmenter of random weights and of the one of permuted labels, by the check's name."""
        if not self.questioned:
            return {}
        settings = {"randomised": self.randomised_settings}
        if self.config["sanity"]["permuted"]:
            settings["permuted"] = self.permuted_settings
        return {check: f"{check}-{content_hash(one)[:8]}" for check, one in settings.items()}

    @property
    def randomised_settings(self) -> dict:
        """All that decides the random weights."""
        return {"segmenter": self.segmenter, "seed": self.config["seed"]}

    @property
    def permuted_settings(self) -> dict:
        """As the segmenter's, from nothing, with labels of other patients."""
        return _permuted(self._as_segmenter({}))

    @cached_property
    def sanity_retrainings(self) -> dict[str, Retraining]:
        """Every interpreter to train against these segmenters, by its `<model>`."""
        return {
            model: one for explainer in self.questioned for model, one in self._retrained_by_check(explainer).values()
        }

    def _retrained_by_check(self, explainer: str) -> dict[str, tuple[str, Retraining]]:
        """An interpreter starts as the one it stands for, but from nothing where other weights know the true labels."""
        key = self.config["explainers"][explainer].get("interpreter")
        if key is None:
            return {}
        found = {}
        for check, model in self.sanity_models.items():
            known = self.interpreter_settings(key)
            start = model if known["start"] == self.segmenter else None
            settings = {name: value for name, value in known.items() if name not in ("weights", "pretraining")}
            settings |= {"segmenter": model, "start": start}
            settings = _permuted(settings) if check == "permuted" else settings
            name = f"{key}-{content_hash(settings)[:8]}"
            found[check] = name, Retraining(self.interpreter(explainer), settings)
        return found

    def sanity_start(self, model: str) -> list[str]:
        """The file of weights from which such an interpreter starts; none where it starts from nothing."""
        start = self.sanity_retrainings[model].settings["start"]
        return [self._weights(start)] if start else []

    def sanity_segmenter(self, model: str) -> str:
        """The file of the segmenter against which such an interpreter is trained."""
        return self._weights(self.sanity_retrainings[model].settings["segmenter"])

    def sanity_input(self, explainer: str) -> dict[str, str]:
        """Rule inputs: segmenters by their check's name, interpreters after `interpreter_`, and what else is given."""
        models = {check: self._weights(model) for check, model in self.sanity_models.items()}
        interpreters = {
            f"interpreter_{check}": self._weights(model)
            for check, (model, _) in self._retrained_by_check(explainer).items()
        }
        return models | interpreters | self.reference_input([explainer]) | self.atlas_input([explainer])

    def _weights(self, model: str) -> str:
        return f"{self.root}/{paths.WEIGHTS.format(model=model)}"

    def sanity_runs(self, explainer: str) -> int:
        """How often an explainer explains a unit (for the estimate of a run)."""
        learned = "interpreter" in self.config["explainers"][explainer]
        stages = 0 if learned else self.config["sanity"]["stages"]
        return stages + len(self.sanity_models)


def _permuted(settings: dict) -> dict:
    return settings | {"training": settings["training"] | PERMUTED}
