"""What there is to do: cases, models, explainers, where their files lie, and which cases share a job."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from unoise.errors import UserError
from unoise.files import content_hash
from unoise.workflow import methods, paths
from unoise.workflow.batches import batches
from unoise.workflow.digest import code_digest
from unoise.workflow.manifest import SPLITS, Case, read_manifest

CONTROL = "control-"
PANEL_CASES = 4
TIMED_CASES = 6


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


class Plan:
    """One experiment, read from its completed config and its manifest; nothing is computed.

    Parameters
    ----------
    config
        A config completed by `unoise.workflow.config.complete`.
    project
        The folder that holds `config/`.
    """

    def __init__(self, config: dict, project: Path):
        self.config = config
        self.experiment = config["experiment"]
        self.root = f"results/{self.experiment}"
        self.manifest = manifest_path(config, project)
        self.cases: dict[str, Case] = {case.id: case for case in read_manifest(self.manifest)}
        if self.is_phantom:
            self._check_phantoms()
        else:
            self._check_files()
        self._check_structures()

    # Cases

    @property
    def is_phantom(self) -> bool:
        return "phantom" in self.config

    def ids(self, *splits: str) -> list[str]:
        """Ids of the cases in these splits (of all, where none is named), in the order of the manifest."""
        return [case.id for case in self.cases.values() if case.split in (splits or SPLITS)]

    def batches(self, *splits: str) -> dict[str, list[str]]:
        """Cases of these splits that share a job, by the batch's name."""
        return batches(self.ids(*splits), self.config["compute"]["cases_per_job"])

    def source(self, case: str, kind: str) -> str:
        """Path of a case's `image` or `label` as the dataset has it."""
        return str(Path(self.config["dataset"]) / getattr(self.cases[case], kind))

    def donor(self, case: str) -> str:
        """The training case of another patient that lends its voxels to `case`: a seeded draw."""
        mine = self.cases[case].patient
        others = [one for one in self.ids("train") if self.cases[one].patient != mine]
        if not others:
            raise UserError(
                "there is no training case of another patient to lend voxels to the obscurer 'donor'",
                case=case,
                file=self.manifest,
                remedy="Add a training patient, or leave `donor` out of evaluation.obscurers",
            )
        return min(others, key=lambda one: content_hash(self.config["seed"], case, one))

    def keys(self, cases: list[str]) -> list[dict[str, str]]:
        """Key columns case, patient and split of some cases."""
        return [{"case": one, "patient": self.cases[one].patient, "split": self.cases[one].split} for one in cases]

    @property
    def shown_cases(self) -> list[str]:
        """Test cases that the panel shows."""
        return self.ids("test")[:PANEL_CASES]

    @property
    def figures(self) -> dict[str, str]:
        """The figures of the summary, by their caption."""
        captions = {}
        for target in self.config["targets"]:
            folder = f"{self.root}/figures/{target}"
            captions |= {
                f"What is left of the predicted {target} when part of the image is visible": f"{folder}/agreement.png",
                f"The maps of a few test cases ({target})": f"{folder}/panel.png",
                f"As the first figure, by Dice with the label ({target})": f"{folder}/dice.png",
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

    def _check_phantoms(self) -> None:
        wanted = self.config["phantom"]["patients"]
        if len(self.cases) != wanted:
            raise UserError(
                f"it lists {len(self.cases)} phantoms, the config asks for {wanted}",
                file=self.manifest,
                remedy="Write it anew with `unoise cases --configfile <your config>`",
            )

    def _check_files(self) -> None:
        for case in self.cases:
            for kind in ("image", "label"):
                if not Path(self.source(case, kind)).is_file():
                    raise UserError(
                        f"its {kind}, listed in {self.manifest}, does not exist",
                        case=case,
                        file=self.source(case, kind),
                        remedy="Put the file there, correct `dataset` in the config, or delete the case's line",
                    )

    def _check_structures(self) -> None:
        for case in self.cases.values():
            for name, labels in self.config["classes"].items():
                if not set(labels) & set(case.label_values()):
                    raise UserError(
                        f"none of the labels {', '.join(labels)} of class {name!r} is annotated",
                        case=case.id,
                        file=self.manifest,
                        remedy="Delete the case's line, or write the manifest anew with `unoise cases`",
                    )

    # Models

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
    def segmenters(self) -> dict[str, dict]:
        """Every segmentation network to train, `<model>` to its settings: the segmenter, and interpreters' starts."""
        starts = {self.start(*pair): self._start_settings(*pair) for pair in self.interpreters.values()}
        return {self.segmenter: self.segmenter_settings} | {model: one for model, one in starts.items() if model}

    def start(self, key: str, target: str) -> str | None:
        """The `<model>`, a segmentation network of its own shape, from which an interpreter starts, if any."""
        settings = self._start_settings(key, target)
        return f"{key}-start-{content_hash(settings)[:8]}" if settings else None

    def _start_settings(self, key: str, target: str) -> dict | None:
        interpreter = self.config["interpreters"][key]
        if "pretraining" not in interpreter:
            return None
        own = {"network": interpreter["network"], "training": interpreter["pretraining"]}
        base = {name: value for name, value in self.segmenter_settings.items() if name != "weights"}
        return {**base, **own, "learned": [self.config["targets"][target]["class"]]}

    def start_weights(self, model: str) -> list[str]:
        """The file of weights from which a model's training starts; none where it starts from nothing."""
        if model in self.segmenters:
            return [self.segmenters[model]["weights"]] if "weights" in self.segmenters[model] else []
        key, target = self.interpreters[model]
        start, given = self.start(key, target), self.config["interpreters"][key].get("weights")
        return [f"{self.root}/{paths.WEIGHTS.format(model=start)}"] if start else [given] if given else []

    @property
    def trained(self) -> list[str]:
        """Every `<model>` that is trained."""
        return [*self.segmenters, *self.interpreters]

    def window_input(self) -> dict[str, str]:
        """The rule input `window` of preprocessing, where the window is the range of the dataset, else nothing."""
        whole = self.config["preprocess"]["window"] == "dataset"
        return {"window": f"{self.root}/{paths.WINDOW}"} if whole else {}

    def training_files(self) -> dict[str, list[str]]:
        """Inputs of every training: preprocessed files of the training and the validation cases, by name."""
        kinds = {"images": paths.IMAGE, "labels": paths.LABEL, "bodies": paths.BODY}
        return {
            f"{split}_{kind}": [f"{self.root}/{path.format(case=case)}" for case in self.ids(split)]
            for split in ("train", "validation")
            for kind, path in kinds.items()
        }

    def interpreter_settings(self, key: str, target: str) -> dict:
        """All that decides what an interpreter of this segmenter learns about a target, but for the data."""
        return {
            **self.config["interpreters"][key],
            "start": self.start(key, target),
            "target": self.config["targets"][target],
            "segmenter": self.segmenter,
            "seed": self.config["seed"],
        }

    def interpreter(self, explainer: str, target: str) -> str:
        """The `<model>` of the interpreter that an explainer uses for a target."""
        key = self.config["explainers"][explainer]["interpreter"]
        return self._interpreter_name(key, target)

    @cached_property
    def interpreters(self) -> dict[str, tuple[str, str]]:
        """Every interpreter to train: `<model>` to its key and target."""
        used = {e["interpreter"] for e in self.config["explainers"].values() if "interpreter" in e}
        pairs = [(key, target) for key in sorted(used) for target in self.config["targets"]]
        return {self._interpreter_name(*pair): pair for pair in pairs}

    def _interpreter_name(self, key: str, target: str) -> str:
        return f"{key}-{content_hash(self.interpreter_settings(key, target))[:8]}"

    def interpreter_input(self, group: Group) -> dict:
        """The rule input `interpreter` for a group of explainers that need one, else nothing."""
        if not any("interpreter" in self.method(key).needs for key in group.explainers):
            return {}

        def weights(wildcards) -> str:
            model = self.interpreter(wildcards.explainer, wildcards.target)
            return f"{self.root}/{paths.WEIGHTS.format(model=model)}"

        return {"interpreter": weights}

    # Explainers

    def method(self, explainer: str) -> methods.Method:
        """What the module of an explainer declares."""
        return methods.find("explainers", self.config["explainers"][explainer]["method"])

    def explainer_settings(self, explainer: str) -> dict:
        """The settings of an explainer and the seed."""
        return {**self.config["explainers"][explainer], "seed": self.config["seed"]}

    def evaluated_splits(self, explainer: str) -> tuple[str, ...]:
        """Test cases for every explainer; controls also on validation cases, from which the best one is chosen."""
        return ("validation", "test") if explainer.startswith(CONTROL) else ("test",)

    @cached_property
    def explainer_groups(self) -> list[Group]:
        """The explainers by what they make and for whom."""
        groups: dict[tuple, list[str]] = {}
        for key in self.config["explainers"]:
            method = self.method(key)
            learned = "interpreter" in method.needs
            wanted = {*self.evaluated_splits(key), *self._protocol_splits}
            splits = tuple(split for split in SPLITS if learned or split in wanted)
            name = "learned" if learned else "controls" if key.startswith(CONTROL) else "rivals"
            groups.setdefault((name, method.volumes, splits), []).append(key)
        return [Group(name, tuple(keys), volumes, splits) for (name, volumes, splits), keys in groups.items()]

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

    def explained(self, path: str) -> list[str]:
        """Every file of a path with the wildcards model, target, explainer and case that explaining makes."""
        return self._files(path, self.explainer_groups)

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
        if not any("donor" in methods.find("obscurers", name).needs for name in self.config["evaluation"]["obscurers"]):
            return {}
        return {"donor": [f"{self.root}/{paths.IMAGE.format(case=self.donor(case))}" for case in cases]}

    # The published evaluation

    @property
    def has_paper(self) -> bool:
        """Whether the published evaluation is asked for."""
        return bool(self.config["paper_protocols"])

    @cached_property
    def interpreted(self) -> list[str]:
        """Explainers that use an interpreter."""
        return [key for key in self.config["explainers"] if "interpreter" in self.method(key).needs]

    @property
    def protocol_cases(self) -> list[str]:
        """Cases of the splits that the protocols look at; every explainer makes maps for them."""
        return self.ids(*self._protocol_splits)

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
        return [f"{self.root}/{paths.CARD.format(model=self.interpreter(wildcards.explainer, wildcards.target))}"]

    @property
    def timed_cases(self) -> list[str]:
        """Test cases of whose slices the run times are taken."""
        return self.ids("test")[:TIMED_CASES]

    # Code

    @property
    def explainer_modules(self) -> list[str]:
        """Modules of all explainers of the config."""
        return sorted({self.method(key).module for key in self.config["explainers"]})

    def explainer_code(self, explainer: str) -> str:
        """Digest of the code behind an explainer's maps."""
        return code_digest("unoise.explainers.base", self.method(explainer).module)

    @cached_property
    def evaluation_code(self) -> str:
        """Digest of the code of the evaluation and of the obscurers it uses."""
        used = [methods.find("obscurers", name).module for name in self.config["evaluation"]["obscurers"]]
        return code_digest("unoise.evaluation.evaluate", *used)

    def segmenter_code(self, model: str) -> str:
        """Digest of the code that trains a segmentation network."""
        return code_digest("unoise.training.segmenter", _augmentation(self.segmenters[model]))

    def interpreter_code(self, model: str) -> str:
        """Digest of the code that trains an interpreter, its objective's included."""
        settings = self.config["interpreters"][self.interpreters[model][0]]
        objective = methods.find("training.objectives", settings["objective"]["method"])
        return code_digest("unoise.training.interpreter", objective.module, _augmentation(settings))


def _augmentation(settings: dict) -> str:
    return methods.find("training.augmentations", settings["training"]["augmentation"]).module


def manifest_path(config: dict, project: Path) -> Path:
    """Where the manifest of an experiment lies."""
    return project / "config" / "cases" / f"{config['experiment']}.tsv"
