"""Whose masks a probe is to read, and which test patients it learns from."""

from functools import cached_property
from pathlib import Path

from unoise.errors import UserError
from unoise.files import content_hash
from unoise.workflow import paths
from unoise.workflow.model_plan import ModelPlan


class ProbePlan(ModelPlan):
    """The probes of an experiment."""

    def __init__(self, config: dict, project: Path):
        super().__init__(config, project)
        if self.probed and len(self._folds) < 2:
            raise UserError(
                "a probe learns from some test patients and is measured on others: one patient is too few",
                file=self.manifest,
                remedy="Leave probe.explainers empty, or give the split 'test' more patients",
            )

    @property
    def probed(self) -> list[str]:
        """Explainers whose masks a probe reads."""
        return self.config["probe"]["explainers"]

    @property
    def probe_tables(self) -> list[str]:
        """The table of the probes, where there are any."""
        return [f"{self.root}/{paths.TABLE.format(table='probe')}"] if self.probed else []

    @cached_property
    def _folds(self) -> list[list[str]]:
        """The test cases in parts of whole patients, by a seeded draw; of two patients or more where there are four."""
        patients = {self.cases[case].patient for case in self.ids("test")}
        drawn = sorted(patients, key=lambda one: content_hash(self.config["seed"], "probe", one))
        number = min(len(drawn), max(2, min(self.config["probe"]["folds"], len(drawn) // 2)))
        return [
            [case for case in self.ids("test") if self.cases[case].patient in drawn[n::number]] for n in range(number)
        ]

    @property
    def probe_keys(self) -> list[dict[str, str | int | None]]:
        """Key columns of the test cases, their `fold`, and as `partner` the case of it that lends another mask.

        A partner of another fold would not do: the probe has learned from its very masks.
        """
        return [
            {**key, "fold": number, "partner": self.stranger(key["case"], fold)}
            for number, fold in enumerate(self._folds)
            for key in self.keys(fold)
        ]

    def probe_settings(self, target: str, explainer: str) -> dict:
        """All settings that decide what a probe finds."""
        own = self.config["probe"]
        return {
            "key": {"model": self.segmenter, "target": target, "explainer": explainer},
            "target": self.config["targets"][target],
            "classes": list(self.config["classes"]),
            "min_voxels": self.config["evaluation"]["min_voxels"],
            **{name: own[name] for name in ("visibilities", "network", "training")},
            "seed": self.config["seed"],
        }

    @property
    def probe_samples(self) -> int:
        """Masks that all probes of a target learn from."""
        training = self.config["probe"]["training"]
        return len(self.probed) * len(self._folds) * training["steps"] * training["batch_size"]
