"""What explainers are given beside the image and its prediction, and which of them are given the same."""

from collections.abc import Iterable
from pathlib import Path

from unoise.errors import UserError
from unoise.workflow import methods, paths
from unoise.workflow.case_plan import CasePlan

GIVEN = ("interpreter", "references", "atlas", "map", "structures")  # those of an explainer's `NEEDS` that are files


class GivenPlan(CasePlan):
    """The files that explainers need; maps made elsewhere among them."""

    def __init__(self, config: dict, project: Path):
        super().__init__(config, project)
        self._check_folders()

    def given(self, explainer: str) -> tuple[str, ...]:
        """What an explainer needs of `GIVEN`: explainers share a rule only where it is the same."""
        needs = methods.find("explainers", self.config["explainers"][explainer]["method"]).needs
        return tuple(one for one in GIVEN if one in needs)

    def atlas_input(self, explainers: Iterable[str], target: str = "{target}") -> dict[str, str]:
        """The rule input `atlas`, where an explainer needs it; by default with the wildcard target."""
        needed = any("atlas" in self.given(key) for key in explainers)
        return {"atlas": f"{self.root}/{paths.ATLAS.format(target=target)}"} if needed else {}

    def map_input(self, explainers: Iterable[str], cases: list[str]) -> dict:
        """The rule input `map`, a file a case with the wildcard explainer, where they need maps made elsewhere.

        In the place of one that does not exist stands the case's image, so that the job starts, does the other cases,
        and says whose map is missing.
        """
        if not any("map" in self.given(key) for key in explainers):
            return {}

        return {"map": lambda wildcards: [self._map(wildcards.explainer, case) for case in cases]}

    @property
    def timed(self) -> list[str]:
        """Explainers whose run time can be taken: those that make their maps here."""
        return [key for key in self.config["explainers"] if "map" not in self.given(key)]

    def _map(self, explainer: str, case: str) -> str:
        folder = Path(self.config["explainers"][explainer]["folder"])
        path = folder / f"{case}.nii.gz"
        there = path.is_file() or folder == self.truth_folder
        return str(path) if there else f"{self.root}/{paths.IMAGE.format(case=case)}"

    @property
    def truth_folder(self) -> Path | None:
        """Where the maps of what a segmenter needs are made, for phantoms with a planted cue."""
        planted = self.is_phantom and self.config["phantom"]["planted"]
        return Path(self.config["dataset"], "truth") if planted else None

    def _check_folders(self) -> None:
        for key, settings in self.config["explainers"].items():
            if "map" not in self.given(key) or Path(settings["folder"]) == self.truth_folder:
                continue
            if not Path(settings["folder"]).is_dir():
                raise UserError(
                    f"explainers.{key}: its folder of maps does not exist",
                    file=settings["folder"],
                    remedy="Correct `folder` in the config, or take the explainer out",
                )
