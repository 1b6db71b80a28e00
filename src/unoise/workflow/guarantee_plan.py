"""Which explainers get a guarantee, and what is done with the calibration cases for it."""

from functools import cached_property

from unoise.workflow import paths
from unoise.workflow.evaluation_plan import EvaluationPlan, Group

CALIBRATION = ("calibration",)


class GuaranteePlan(EvaluationPlan):
    """The calibration cases, which have jobs and files of their own, so that nothing else changes or sees them."""

    @property
    def guaranteed(self) -> list[str]:
        """Explainers that get a guarantee."""
        return self.config["guarantee"]["explainers"]

    @property
    def guarantee_tables(self) -> list[str]:
        """The table of the guarantees, where there are any."""
        return [f"{self.root}/{paths.TABLE.format(table='guarantee')}"] if self.guaranteed else []

    @cached_property
    def calibration_groups(self) -> list[Group]:
        """The explainers that are evaluated on the calibration cases."""
        return [Group("calibration", tuple(self.guaranteed), (), CALIBRATION)] if self.guaranteed else []

    @cached_property
    def calibration_predicted(self) -> dict[str, tuple[str, ...]]:
        """The splits whose cases a `<model>` predicts for the guarantee alone: those of the judges."""
        return {model: CALIBRATION for model in self.judges.values() if self.guaranteed and model != self.segmenter}

    def calibrated(self, path: str) -> list[str]:
        """Every file of a path with these wildcards that evaluating on the calibration cases makes."""
        return self._files(path, self.calibration_groups)
