"""What a unit is, and where the windows that a 3D network goes over a volume in may leave seams."""

from unoise.workflow import paths
from unoise.workflow.model_plan import ModelPlan
from unoise.workflow.names import UNITS


class VolumePlan(ModelPlan):
    """The units of an experiment, and the seams of its maps where they are volumes."""

    @property
    def dims(self) -> int:
        """Of a unit."""
        return self.config["segmenter"]["network"]["spatial_dims"]

    @property
    def unit(self) -> str:
        """What a unit is: "slice" or "volume"."""
        return UNITS[self.dims]

    @property
    def seam_tables(self) -> list[str]:
        """The table of the seams, where there may be any."""
        return [f"{self.root}/{paths.TABLE.format(table='seams')}"] if self.dims == 3 else []

    @property
    def seam_keys(self) -> list[dict[str, str]]:
        """Key columns of every map of a test case."""
        return [
            {"model": self.segmenter, "target": target, "explainer": explainer, **key}
            for target in self.config["targets"]
            for explainer in self.config["explainers"]
            for key in self.keys(self.ids("test"))
        ]

    @property
    def seam_maps(self) -> list[str]:
        """The maps of these keys."""
        return [f"{self.root}/{paths.MAP.format(volume='importance', **key)}" for key in self.seam_keys]

    @property
    def windows(self) -> dict[str, dict]:
        """By explainer, the `inference` of its interpreter; without one, of the segmenter."""
        return {
            key: self.config["interpreters"].get(one.get("interpreter"), self.config["segmenter"])["inference"]
            for key, one in self.config["explainers"].items()
        }
