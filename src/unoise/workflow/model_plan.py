"""The models of an experiment: which are trained, from what, and what decides their names."""

from functools import cached_property
from pathlib import Path

from unoise.errors import UserError
from unoise.files import content_hash
from unoise.workflow import methods, paths
from unoise.workflow.digest import code_digest
from unoise.workflow.names import ORIGINAL
from unoise.workflow.target_plan import TargetPlan


class ModelPlan(TargetPlan):
    """The segmenter, the judges beside it, the interpreters, and the networks from which these start."""

    def __init__(self, config: dict, project: Path):
        super().__init__(config, project)
        self._check_weights()

    def _check_weights(self) -> None:
        others = (*self.config["judges"].items(), *self.config["interpreters"].items())
        for name, model in (("segmenter", self.config["segmenter"]), *others):
            if "weights" in model and not Path(model["weights"]).is_file():
                raise UserError(
                    f"the weights of {name} are no file",
                    file=model["weights"],
                    remedy="Correct `weights` in the config, or leave it out to train from nothing",
                )

    @cached_property
    def segmenter_settings(self) -> dict:
        """All that decides what the segmenter learns, but for the data."""
        chosen = {key: self.config[key] for key in ("classes", "preprocess", "segmenter", "seed")}
        return {**chosen.pop("segmenter"), "learned": list(self.config["classes"]), **chosen}

    @cached_property
    def segmenter(self) -> str:
        """The segmenter's `<model>`: its key and a short hash of its settings."""
        return f"segmenter-{content_hash(self.segmenter_settings)[:8]}"

    @cached_property
    def judges(self) -> dict[str, str]:
        """The `<model>` of each judge by its name: `original`, the segmenter, and those of the config."""
        others = {key: f"{key}-{content_hash(self._judge_settings(key))[:8]}" for key in self.config["judges"]}
        return {ORIGINAL: self.segmenter} | others

    def _judge_settings(self, key: str) -> dict:
        settings = self._as_segmenter(self.config["judges"][key])
        return settings | {"start": self.segmenter} if "start" in settings else settings

    def _as_segmenter(self, own: dict) -> dict:
        """The settings of another segmentation network: its own, and the segmenter's where it has none."""
        return {name: value for name, value in self.segmenter_settings.items() if name != "weights"} | own

    @cached_property
    def segmenters(self) -> dict[str, dict]:
        """Every segmentation network to train, `<model>` to its settings: segmenter, judges, interpreters' starts."""
        judges = {self.judges[key]: self._judge_settings(key) for key in self.config["judges"]}
        starts = {self.start(key): self._start_settings(key) for key in self.interpreters.values()}
        starts = {model: one for model, one in starts.items() if one}
        return {self.segmenter: self.segmenter_settings} | judges | starts

    def start(self, key: str) -> str | None:
        """The `<model>`, a segmentation network of its own shape, from which an interpreter starts, if any."""
        if "start" in self.config["interpreters"][key]:
            return self.segmenter
        settings = self._start_settings(key)
        return f"{key}-start-{content_hash(settings)[:8]}" if settings else None

    def _start_settings(self, key: str) -> dict | None:
        interpreter = self.config["interpreters"][key]
        if "pretraining" not in interpreter:
            return None
        network = interpreter["network"] | ({"input": "window"} if interpreter["sees"] == "prediction" else {})
        return self._as_segmenter({"network": network, "training": interpreter["pretraining"]})

    def interpreter_settings(self, key: str) -> dict:
        """All that decides what an interpreter of this segmenter learns, but for the data."""
        return {
            **self.config["interpreters"][key],
            "start": self.start(key),
            "targets": self.learned_targets,
            "segmenter": self.segmenter,
            "seed": self.config["seed"],
        }

    def interpreter(self, explainer: str) -> str:
        """The `<model>` of the interpreter that an explainer uses."""
        return self._interpreter_name(self.config["explainers"][explainer]["interpreter"])

    @cached_property
    def interpreters(self) -> dict[str, str]:
        """Every interpreter to train: `<model>` to its key."""
        used = {e["interpreter"] for e in self.config["explainers"].values() if "interpreter" in e}
        return {self._interpreter_name(key): key for key in sorted(used)}

    def _interpreter_name(self, key: str) -> str:
        return f"{key}-{content_hash(self.interpreter_settings(key))[:8]}"

    @property
    def trained(self) -> list[str]:
        """Every `<model>` that is trained."""
        return [*self.segmenters, *self.interpreters]

    def start_weights(self, model: str) -> list[str]:
        """The file of weights from which a model's training starts; none where it starts from nothing."""
        settings = self.segmenters.get(model) or self.interpreter_settings(self.interpreters[model])
        if settings.get("start"):
            return [f"{self.root}/{paths.WEIGHTS.format(model=settings['start'])}"]
        return [settings["weights"]] if "weights" in settings else []

    def training_files(self) -> dict[str, list[str]]:
        """Inputs of every training: preprocessed files of the training and the validation cases, by name."""
        kinds = {"images": paths.IMAGE, "labels": paths.LABEL, "bodies": paths.BODY}
        return {
            f"{split}_{kind}": [f"{self.root}/{path.format(case=case)}" for case in self.ids(split)]
            for split in ("train", "validation")
            for kind, path in kinds.items()
        }

    def segmenter_code(self, model: str) -> str:
        """Digest of the code that trains a segmentation network."""
        return code_digest("unoise.training.segmenter", _augmentation(self.segmenters[model]))

    def interpreter_code(self, model: str) -> str:
        """Digest of the code that trains an interpreter, its objective's included."""
        settings = self.config["interpreters"][self.interpreters[model]]
        objective = methods.find("training.objectives", settings["objective"]["method"])
        return code_digest("unoise.training.interpreter", objective.module, _augmentation(settings))


def _augmentation(settings: dict) -> str:
    return methods.find("training.augmentations", settings["training"]["augmentation"]).module
