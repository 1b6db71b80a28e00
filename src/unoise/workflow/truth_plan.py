"""Where it is known what the segmenter needs: by whom, and what was planted."""

from unoise.workflow import methods, paths
from unoise.workflow.evaluation_plan import EvaluationPlan


class TruthPlan(EvaluationPlan):
    """What explanations are compared with, and the interventions on a planted cue."""

    @property
    def cue(self) -> str | None:
        """The cue that is planted in the phantoms."""
        return self.config["phantom"]["planted"] if self.is_phantom else None

    @property
    def cue_module(self) -> str:
        """Its module."""
        return methods.find("data.planted", self.cue).module

    @property
    def truth_tables(self) -> list[str]:
        """The table of the comparison, where it is known what the segmenter needs."""
        return [f"{self.root}/{paths.TABLE.format(table='truth')}"] if self.config["truth"]["explainer"] else []

    @property
    def intervention_tables(self) -> list[str]:
        """The table of the interventions, where there are any."""
        return [f"{self.root}/{paths.TABLE.format(table='interventions')}"] if self.cue else []

    @property
    def true_files(self) -> dict[str, list[str]]:
        """Rule inputs from which `read_shown` takes the units of the test cases; the truth is their `importance`."""
        named = {"explainer": self.config["truth"]["explainer"], "target": "{target}"}
        files = self.shown_files(self.ids("test"))
        return {kind: [path.format(**named) for path in listed] for kind, listed in files.items()}

    def truth_settings(self, target: str) -> dict:
        """All settings that decide how maps compare with the truth."""
        return {
            "key": {"model": self.segmenter, "target": target},
            "target": self.config["targets"][target],
            "min_voxels": self.config["evaluation"]["min_voxels"],
            "seed": self.config["seed"],
        }

    @property
    def intervention_files(self) -> dict[str, list[str]]:
        """Rule inputs, a file a test case, that tell what the segmenter answers without a change."""
        kinds = {"image": paths.IMAGE, "label": paths.LABEL, "source": paths.SOURCE, "prediction": paths.PREDICTION}
        return {
            kind: [f"{self.root}/{path.format(case=case, model=self.segmenter)}" for case in self.ids("test")]
            for kind, path in kinds.items()
        }

    @property
    def intervention_keys(self) -> list[dict[str, str | int]]:
        """Key columns of the test cases, and their numbers among the phantoms."""
        return [{**key, "number": int(key["case"].rsplit("_", 1)[1])} for key in self.keys(self.ids("test"))]

    def intervention_settings(self, target: str) -> dict:
        """All settings that decide what a change of the cue does."""
        chosen = {name: self.config[name] for name in ("phantom", "preprocess", "classes")}
        return {**self.truth_settings(target), **chosen}
