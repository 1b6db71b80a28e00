"""What the published evaluation looks at."""

from pathlib import Path

from unoise.errors import UserError
from unoise.workflow import paths
from unoise.workflow.explainer_plan import ExplainerPlan

TIMED_CASES = 6


class PaperPlan(ExplainerPlan):
    """The published evaluation."""

    def __init__(self, config: dict, project: Path):
        super().__init__(config, project)
        self._check_protocols()

    @property
    def has_paper(self) -> bool:
        """Whether the published evaluation is asked for."""
        return bool(self.config["paper_protocols"])

    @property
    def protocol_cases(self) -> list[str]:
        """Cases of the splits that the protocols look at; every explainer makes maps for them."""
        return self.ids(*self.protocol_splits)

    def _check_protocols(self) -> None:
        for name, protocol in self.config["paper_protocols"].items():
            if not self.ids(protocol["split"]):
                raise UserError(
                    f"no case is in the split {protocol['split']!r}, which paper_protocols.{name} looks at",
                    file=self.manifest,
                    remedy="Leave this protocol out of the config, or give the split cases",
                )

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
