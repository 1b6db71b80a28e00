"""Where maps look and what the segmenter needs: which regions have a name, and which subgroups are scored."""

from functools import cached_property
from pathlib import Path

from unoise.errors import UserError
from unoise.workflow import methods, paths
from unoise.workflow.digest import code_digest
from unoise.workflow.evaluation_plan import EvaluationPlan
from unoise.workflow.regions import NAMED
from unoise.workflow.volume_plan import VolumePlan


class RegionPlan(EvaluationPlan, VolumePlan):
    """The regions and the subgroups of an experiment."""

    def __init__(self, config: dict, project: Path):
        super().__init__(config, project)
        self._check_regions()

    @property
    def subgroups(self) -> dict[str, dict[str, str]]:
        """By further column of the manifest, the value of each test case."""
        columns = [name for name, _ in next(iter(self.cases.values())).subgroups]
        return {name: {case: dict(self.cases[case].subgroups)[name] for case in self.ids("test")} for name in columns}

    @property
    def subgroup_tables(self) -> list[str]:
        """The table of the subgroups, where the manifest names any."""
        return [f"{self.root}/{paths.TABLE.format(table='subgroups')}"] if self.subgroups else []

    @property
    def has_regions(self) -> bool:
        """Whether it is asked what maps and segmenter look at."""
        own, forbidden = self.config["regions"], self.config["forbidden"]
        return bool(own["explainers"] or own["structures"] or forbidden["regions"])

    @property
    def hidden_regions(self) -> int:
        """How often each unit of a test case is judged with a region hidden."""
        own = self.config["regions"]
        number = len(self.config["classes"]) + len(own["structures"]) + len(NAMED)
        return number * len(own["obscurers"]) if self.has_regions else 0

    @cached_property
    def looking(self) -> list[str]:
        """Explainers whose maps are divided among the regions."""
        wanted = {*self.config["regions"]["explainers"], *self.config["forbidden"]["explainers"]}
        return [key for key in self.config["explainers"] if key in wanted]

    @property
    def region_tables(self) -> list[str]:
        """The tables of what hiding each region costs and of how much of each map lies in it, where asked for."""
        names = ("region_necessity", "region_mass") if self.has_regions else ()
        return [f"{self.root}/{paths.TABLE.format(table=name)}" for name in names]

    def region_input(self, cases: list[str]) -> dict[str, list[str]]:
        """Rule inputs from which the regions of a unit are made, a file a case."""
        kinds = {"body": paths.BODY, "structures": paths.STRUCTURES, "found": paths.FOUND}
        return {kind: [f"{self.root}/{path.format(case=case)}" for case in cases] for kind, path in kinds.items()}

    def necessity_input(self, cases: list[str]) -> dict[str, list[str]]:
        """Rule inputs of measuring necessity beside these, a file a case, with the wildcard target where it matters."""
        shown = self.shown_files(cases)
        del shown["importance"]
        used = [methods.find("obscurers", name) for name in self.config["regions"]["obscurers"]]
        return shown | (self._donors(cases) if any("donor" in one.needs for one in used) else {})

    def region_keys(self, cases: list[str]) -> list[dict]:
        """Key columns of some cases, and as `values` the label values of each region's structures annotated there."""
        return [{**key, "values": self._values(key["case"])} for key in self.keys(cases)]

    def region_settings(self, target: str) -> dict:
        """All settings that decide what the regions of a case are."""
        own = self.config["regions"]
        return {
            "names": [*self.config["classes"], *own["structures"]],
            "target": self.config["targets"][target],
            "classes": list(self.config["classes"]),
            "dims": self.dims,
            "min_voxels": self.config["evaluation"]["min_voxels"],
            "border_mm": own["border_mm"],
            "near_mm": own["near_mm"],
            "seed": self.config["seed"],
        }

    def necessity_settings(self, target: str) -> dict:
        """All settings that decide what hiding each region does."""
        key = {"model": self.segmenter, "target": target}
        return {"key": key, "obscurers": self.config["regions"]["obscurers"], **self.region_settings(target)}

    def mass_settings(self, target: str, explainer: str) -> dict:
        """All settings that decide how the maps of an explainer are divided among the regions."""
        key = {"model": self.segmenter, "target": target, "explainer": explainer}
        return {"key": key, "visibilities": self.config["regions"]["visibilities"], **self.region_settings(target)}

    @cached_property
    def necessity_code(self) -> str:
        """Digest of the code that hides regions, and of the obscurers it uses."""
        used = [methods.find("obscurers", name).module for name in self.config["regions"]["obscurers"]]
        return code_digest("unoise.evaluation.necessity", *used)

    def _values(self, case: str) -> dict[str, list[int]]:
        annotated = self.cases[case].label_values()
        wanted = {**self.config["classes"], **self.config["regions"]["structures"]}
        found = {name: [annotated[one] for one in labels if one in annotated] for name, labels in wanted.items()}
        return {name: values for name, values in found.items() if values}

    def _check_regions(self) -> None:
        there = {name for case in self.ids("test") for name in self.cases[case].label_values()}
        for name, labels in self.config["regions"]["structures"].items():
            if not set(labels) & there:
                raise UserError(
                    f"regions.structures.{name}: no test case has {' or '.join(labels)} annotated",
                    file=self.manifest,
                    remedy=f"Name others; annotated are: {', '.join(sorted(there))}",
                )
