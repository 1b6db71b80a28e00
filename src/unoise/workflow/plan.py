"""What there is to do in an experiment, and what is reported of it."""

from unoise.workflow.contest_plan import ContestPlan
from unoise.workflow.names import ORIGINAL
from unoise.workflow.paper_plan import PaperPlan
from unoise.workflow.probe_plan import ProbePlan
from unoise.workflow.region_plan import RegionPlan
from unoise.workflow.score_plan import ScorePlan
from unoise.workflow.size_plan import SizePlan
from unoise.workflow.structure_plan import StructurePlan
from unoise.workflow.truth_plan import TruthPlan


class Plan(SizePlan, PaperPlan, ContestPlan, ProbePlan, RegionPlan, ScorePlan, StructurePlan, TruthPlan):
    """One experiment; nothing is computed. Parameters as those of `CasePlan`."""

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
