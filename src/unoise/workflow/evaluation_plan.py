"""Who evaluates what: the splits, the judges, what is hidden with, and what is looked for in the shape of masks."""

from dataclasses import dataclass
from functools import cached_property

from unoise.workflow import methods, paths
from unoise.workflow.digest import code_digest
from unoise.workflow.manifest import SPLITS
from unoise.workflow.model_plan import ModelPlan
from unoise.workflow.names import CONTROL


@dataclass(frozen=True)
class Group:
    """Explainers that make the same volumes for the same cases, so that they share rules.

    Attributes
    ----------
    name
        For the names of rules.
    explainers
        Keys of the config.
    volumes
        Folders under which each of them writes one volume a case.
    splits
        Splits whose cases they explain.
    """

    name: str
    explainers: tuple[str, ...]
    volumes: tuple[str, ...]
    splits: tuple[str, ...]


class EvaluationPlan(ModelPlan):
    """The evaluation of every explainer, by the judges."""

    def evaluated_splits(self, explainer: str) -> tuple[str, ...]:
        """Test cases for every explainer; controls also on validation cases, from which the best one is chosen."""
        return ("validation", "test") if explainer.startswith(CONTROL) else ("test",)

    @property
    def protocol_splits(self) -> list[str]:
        """Splits that the published evaluation looks at."""
        return sorted({protocol["split"] for protocol in self.config["paper_protocols"].values()}, key=SPLITS.index)

    @cached_property
    def evaluation_groups(self) -> list[Group]:
        """The explainers by the splits on which they are evaluated."""
        groups: dict[tuple, list[str]] = {}
        for key in self.config["explainers"]:
            groups.setdefault(self.evaluated_splits(key), []).append(key)
        return [
            Group("controls" if "validation" in splits else "rivals", tuple(keys), (), splits)
            for splits, keys in groups.items()
        ]

    @cached_property
    def predicted(self) -> dict[str, tuple[str, ...]]:
        """The splits whose cases each `<model>` predicts: the segmenter all, a judge those that are evaluated."""
        evaluated = tuple(split for split in SPLITS if any(split in group.splits for group in self.evaluation_groups))
        others = {model: evaluated for model in self.judges.values() if model != self.segmenter}
        return {self.segmenter: SPLITS} | others

    def predictions(self, path: str) -> list[str]:
        """Every file of a path with the wildcards model and case that predicting makes."""
        return [
            f"{self.root}/{path.format(model=model, case=case)}"
            for model, splits in self.predicted.items()
            for case in self.ids(*splits)
        ]

    def judge_input(self, cases: list[str]) -> dict[str, str | list[str]]:
        """The rule inputs `judge_<name>`, a judge's weights, and `prediction_<name>`, its predictions, one a case."""
        files = {}
        for name, model in self.judges.items():
            files[f"judge_{name}"] = f"{self.root}/{paths.WEIGHTS.format(model=model)}"
            files[f"prediction_{name}"] = [
                f"{self.root}/{paths.PREDICTION.format(model=model, case=case)}" for case in cases
            ]
        return files

    def evaluated(self, path: str) -> list[str]:
        """Every file of a path with these wildcards that evaluating makes."""
        return self._files(path, self.evaluation_groups)

    def _files(self, path: str, groups: list[Group]) -> list[str]:
        return [
            f"{self.root}/{path.format(model=self.segmenter, target=target, explainer=explainer, case=case)}"
            for group in groups
            for target in self.config["targets"]
            for explainer in group.explainers
            for case in self.ids(*group.splits)
        ]

    def evaluation_settings(self, target: str) -> dict:
        """All settings that decide what evaluating a map for a target gives."""
        own = self.config["evaluation"]
        chosen = {key: own[key] for key in ("obscurers", "kept_first", "removed_first", "min_voxels")}
        return {**chosen, "target": self.config["targets"][target], "seed": self.config["seed"]}

    def donor_input(self, cases: list[str]) -> dict[str, list[str]]:
        """The rule input `donor`, one preprocessed image a case, where an obscurer needs it, else nothing."""
        used = [methods.find("obscurers", name) for name in self.config["evaluation"]["obscurers"]]
        return self._donors(cases) if any("donor" in one.needs for one in used) else {}

    def _donors(self, cases: list[str]) -> dict[str, list[str]]:
        return {"donor": [f"{self.root}/{paths.IMAGE.format(case=self.donor(case))}" for case in cases]}

    def shown_files(self, cases: list[str]) -> dict[str, list[str]]:
        """Rule inputs from which `read_shown` takes units, a file a case, with the wildcards target and explainer."""
        kinds = {
            "image": paths.IMAGE,
            "label": paths.LABEL,
            "prediction_original": paths.PREDICTION,
            "importance": paths.MAP,
        }
        free = {"target": "{target}", "explainer": "{explainer}", "volume": "importance", "model": self.segmenter}
        return {
            kind: [f"{self.root}/{path.format(case=case, **free)}" for case in cases] for kind, path in kinds.items()
        }

    def evaluation_code(self, target: str) -> str:
        """Digest of the code of the evaluation, of the target and of the obscurers it uses."""
        used = [methods.find("obscurers", name).module for name in self.config["evaluation"]["obscurers"]]
        return code_digest("unoise.evaluation.evaluate", self.target_module(target), *used)

    def measurement_settings(self, section: str, target: str, explainer: str) -> dict:
        """All settings that decide what a section of the config that names `explainers` finds of one of them."""
        return {
            "key": {"model": self.segmenter, "target": target, "explainer": explainer},
            "explainer": {**self.config["explainers"][explainer], "seed": self.config["seed"]},
            "target": self.config["targets"][target],
            "min_voxels": self.config["evaluation"]["min_voxels"],
            "seed": self.config["seed"],
            **{name: value for name, value in self.config[section].items() if name != "explainers"},
        }

    def measurement_code(self, section: str, target: str, explainer: str) -> str:
        """Digest of the code of such a section's measurement, of the target and of the explainer."""
        method = methods.find("explainers", self.config["explainers"][explainer]["method"])
        return code_digest(f"unoise.evaluation.{section}", self.target_module(target), method.module)

    # Leak

    @cached_property
    def contents(self) -> dict[str, methods.Method]:
        """What is seen through the masks; what needs a donor only where every test case has one."""
        found = {name: methods.find("evaluation.contents", name) for name in methods.names("evaluation.contents")}
        return {name: one for name, one in found.items() if self.has_donors or "donor" not in one.needs}

    def leak_keys(self, cases: list[str]) -> list[dict[str, str | None]]:
        """Key columns of some cases, and as `partner` the case that lends its mask."""
        return [{**key, "partner": self.partner(key["case"])} for key in self.keys(cases)]

    def leak_input(self, cases: list[str]) -> dict[str, list[str]]:
        """Rule inputs that others lend: images as `donor`, and as `partner_image` and so on what makes their masks."""
        donors = self._donors(cases) if any("donor" in one.needs for one in self.contents.values()) else {}
        partners = [self.partner(case) for case in cases]
        if None in partners:
            return donors
        return donors | {f"partner_{name}": files for name, files in self.shown_files(partners).items()}

    def leak_settings(self, target: str) -> dict:
        """All settings that decide what a mask for a target is found to tell."""
        own = self.config["evaluation"]
        chosen = {key: own[key] for key in ("leak_visibilities", "min_voxels")}
        return {
            **chosen,
            "contents": list(self.contents),
            "target": self.config["targets"][target],
            "seed": self.config["seed"],
        }

    def leak_code(self, target: str) -> str:
        """Digest of the code that looks for leaks, of the target and of the contents it uses."""
        used = [one.module for one in self.contents.values()]
        return code_digest("unoise.evaluation.leak", self.target_module(target), *used)
