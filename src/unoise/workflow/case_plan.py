"""The cases of an experiment: which there are, where their files lie, and which share a job."""

import os
from functools import cached_property
from pathlib import Path

from unoise.errors import UserError
from unoise.files import content_hash
from unoise.workflow import paths
from unoise.workflow.batches import batches
from unoise.workflow.manifest import SPLITS, Case, read_manifest

PANEL_CASES = 4


class CasePlan:
    """The cases, read from a completed config and its manifest.

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
        self._check_left_out()

    @property
    def is_phantom(self) -> bool:
        return "phantom" in self.config

    def ids(self, *splits: str) -> list[str]:
        """Ids of the cases in these splits (of all, where none is named), in the order of the manifest.

        Those that the config leaves out are not among them.
        """
        left_out = self.config["leave_out"]["cases"]
        return [case.id for case in self.cases.values() if case.split in (splits or SPLITS) and case.id not in left_out]

    def batches(self, *splits: str) -> dict[str, list[str]]:
        """Cases of these splits that share a job, by the batch's name; a case that is left out moves no other."""
        listed = [case.id for case in self.cases.values() if case.split in (splits or SPLITS)]
        divided = batches(listed, self.config["compute"]["cases_per_job"])
        kept = {name: [case for case in cases if case in self.ids(*splits)] for name, cases in divided.items()}
        return {name: cases for name, cases in kept.items() if cases}

    @property
    def shown_cases(self) -> list[str]:
        """Test cases that the panel shows."""
        return self.ids("test")[:PANEL_CASES]

    def source(self, case: str, kind: str) -> str:
        """Path of a case's `image` or `label` as the dataset has it."""
        return str(Path(self.config["dataset"]) / getattr(self.cases[case], kind))

    def sizes(self, *sources: str) -> list[int]:
        """Bytes of files of the dataset, by which one in the place of another is noticed though it be of an older date.

        Nothing for phantoms, which are made here.
        """
        there = [] if self.is_phantom else [path for path in map(Path, sources) if path.is_file()]
        return [path.stat().st_size for path in there]

    def source_sizes(self, case: str) -> list[int]:
        """`sizes` of a case's image and label."""
        return self.sizes(self.source(case, "image"), self.source(case, "label"))

    def window_input(self) -> dict[str, str]:
        """The rule input `window` of preprocessing, where the window is the range of the dataset, else nothing."""
        whole = self.config["preprocess"]["window"] == "dataset"
        return {"window": f"{self.root}/{paths.WINDOW}"} if whole else {}

    def donor(self, case: str) -> str:
        """The training case of another patient that lends its voxels to `case`: a seeded draw."""
        found = self.stranger(case, self.ids("train"))
        if found is None:
            raise UserError(
                "there is no training case of another patient to lend voxels to the obscurer 'donor'",
                case=case,
                file=self.manifest,
                remedy="Add a training patient, or leave `donor` out of evaluation.obscurers",
            )
        return found

    @cached_property
    def has_donors(self) -> bool:
        """Whether there is one for every test case."""
        return all(self.stranger(case, self.ids("train")) for case in self.ids("test"))

    def partner(self, case: str) -> str | None:
        """The test case of another patient that lends its mask to `case`: a seeded draw; None where there is none."""
        return self.stranger(case, self.ids("test"))

    def stranger(self, case: str, among: list[str]) -> str | None:
        """One of these cases that is of another patient: a seeded draw; None where there is none."""
        mine = self.cases[case].patient
        others = [one for one in among if self.cases[one].patient != mine]
        return min(others, key=lambda one: content_hash(self.config["seed"], case, one), default=None)

    def keys(self, cases: list[str]) -> list[dict[str, str]]:
        """Key columns case, patient and split of some cases."""
        return [{"case": one, "patient": self.cases[one].patient, "split": self.cases[one].split} for one in cases]

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
                if not os.path.isfile(self.source(case, kind)):  # False for too long a name, too
                    raise UserError(
                        f"its {kind}, listed in {self.manifest}, does not exist",
                        case=case,
                        file=self.source(case, kind),
                        remedy="Put the file there, correct `dataset` in the config, or delete the case's line",
                    )

    def _check_left_out(self) -> None:
        for case in self.config["leave_out"]["cases"]:
            split = self.cases[case].split if case in self.cases else None
            if split not in ("calibration", "test"):
                raise UserError(
                    "leave_out.cases names it, and it is no case of the splits test and calibration",
                    case=case,
                    file=self.manifest,
                    remedy="Correct the name; a case that a model learns from is taken out by deleting its line",
                )
        if not self.ids("test"):
            raise UserError("leave_out.cases leaves no test case", file=self.manifest, remedy="Mend some of them")

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


def manifest_path(config: dict, project: Path) -> Path:
    """Where the manifest of an experiment lies."""
    return project / "config" / "cases" / f"{config['experiment']}.tsv"
