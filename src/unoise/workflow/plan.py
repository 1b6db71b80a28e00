"""What there is to do: who explains what and what is reported, beside the cases, the models and the evaluation."""

from functools import cached_property
from pathlib import Path

from unoise.errors import UserError
from unoise.workflow import methods, paths
from unoise.workflow.digest import code_digest
from unoise.workflow.evaluation_plan import Group
from unoise.workflow.guarantee_plan import CALIBRATION
from unoise.workflow.manifest import SPLITS
from unoise.workflow.names import CONTROL, ORIGINAL
from unoise.workflow.size_plan import SizePlan

TIMED_CASES = 6


class Plan(SizePlan):
    """One experiment; nothing is computed. Parameters as those of `CasePlan`."""

    def __init__(self, config: dict, project: Path):
        super().__init__(config, project)
        self._check_protocols()

    # Explainers

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
            wanted = {*self.evaluated_splits(key), *self._protocol_splits}
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

    # The published evaluation

    @property
    def has_paper(self) -> bool:
        """Whether the published evaluation is asked for."""
        return bool(self.config["paper_protocols"])

    @property
    def protocol_cases(self) -> list[str]:
        """Cases of the splits that the protocols look at; every explainer makes maps for them."""
        return self.ids(*self._protocol_splits)

    def _check_protocols(self) -> None:
        for name, protocol in self.config["paper_protocols"].items():
            if not self.ids(protocol["split"]):
                raise UserError(
                    f"no case is in the split {protocol['split']!r}, which paper_protocols.{name} looks at",
                    file=self.manifest,
                    remedy="Leave this protocol out of the config, or give the split cases",
                )

    @property
    def _protocol_splits(self) -> list[str]:
        return sorted({protocol["split"] for protocol in self.config["paper_protocols"].values()}, key=SPLITS.index)

    def protocol_files(self, wildcards, path: str) -> list[str]:
        """A file of each of these cases, for a rule with the wildcards target and explainer."""
        named = {"model": self.segmenter, "target": wildcards.target, "explainer": wildcards.explainer}
        volume = self._protocol_volume(wildcards.explainer)
        return [f"{self.root}/{path.format(**named, volume=volume, case=case)}" for case in self.protocol_cases]

    def protocol_settings(self, explainer: str, target: str) -> dict:
        """All settings that decide what the published evaluation gives."""
        return {
            "key": {"model": self.segmenter, "target": target, "explainer": explainer},
            "target": self.config["targets"][target],
            "seed": self.config["seed"],
            "protocols": self.config["paper_protocols"],
            "volume": self._protocol_volume(explainer),
        }

    def _protocol_volume(self, explainer: str) -> str:
        return "noise_scale" if "noise_scale" in self.method(explainer).volumes else "importance"

    def interpreter_card(self, wildcards) -> list[str]:
        """The card of an explainer's interpreter; none for an explainer without one."""
        if wildcards.explainer not in self.interpreted:
            return []
        return [self.interpreter_file(wildcards.explainer, paths.CARD)]

    @property
    def timed_cases(self) -> list[str]:
        """Test cases of whose slices the run times are taken."""
        return self.ids("test")[:TIMED_CASES]

    # Report

    @property
    def curve_figures(self) -> dict[str, tuple[str, str]]:
        """Figures of curves by their file's name: the column that is drawn, and the judge."""
        others = {f"agreement_{judge}": ("agreement", judge) for judge in self.config["judges"]}
        return {"agreement": ("agreement", ORIGINAL), "dice": ("dice", ORIGINAL)} | others

    @property
    def figures(self) -> dict[str, str]:
        """The figures of the summary, by their caption."""
        captions = {}
        for target in self.config["targets"]:
            folder = f"{self.root}/figures/{target}"
            captions |= {
                f"What is left of the predicted {target} when part of the image is visible": f"{folder}/agreement.png",
                f"The maps of a few test cases ({target})": f"{folder}/panel.png",
                f"Which explanations of {target} differ, by their ranks": f"{folder}/critical_difference.png",
            }
            if target in self.class_targets:
                captions |= {f"As the first figure, by Dice with the label ({target})": f"{folder}/dice.png"}
            captions |= {
                f"As the first figure, with the judge {judge} ({target})": f"{folder}/agreement_{judge}.png"
                for judge in self.config["judges"]
            }
            if self.has_regions:
                captions[f"What is needed for {target}, and where the maps look"] = f"{folder}/regions.png"
            captions |= {
                f"What becomes of the maps of {target} when the weights are random": path
                for path in self.sanity_figures(target)
            }
            if self.has_paper:
                captions |= {
                    f"Figure 1 of the U-Noise paper, drawn from this run ({target})": f"{folder}/paper_curves.png",
                    f"Figure 2 of the U-Noise paper, drawn from this run ({target})": f"{folder}/paper_sizes.png",
                }
        return captions | {
            "What each explanation cost": f"{self.root}/figures/costs.png",
            "How the trainings went": f"{self.root}/figures/history.png",
        }
