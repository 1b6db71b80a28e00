"""How large the cases are, and so what memory jobs and what disk results take: estimates, rather too large.

Sizes are read from the headers of the scans where these are there already, and guessed for phantoms.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from math import ceil, prod
from pathlib import Path

from unoise.workflow import paths
from unoise.workflow.explainer_plan import ExplainerPlan
from unoise.workflow.header import Grid, read_grid
from unoise.workflow.sanity_plan import SanityPlan
from unoise.workflow.stability_plan import StabilityPlan
from unoise.workflow.volume_plan import VolumePlan

PHANTOM_SHAPE = (192, 192, 34)
PHANTOM_SPACING = (2.0, 2.0, 6.0)  # mm
LIBRARIES = 1000  # MiB: Python, PyTorch and MONAI
SCAN_BYTES = 40  # a voxel of a scan that is preprocessed, its label and copies on the way included
CASE_BYTES = 60  # a voxel of a preprocessed case in a job: image, label, body, predictions, map, orders and masks
TRAINING_BYTES = 12  # a voxel of a training case held in memory
FEATURES = 40  # numbers that a network keeps a voxel of its input for each of its first channels, going forward
FIRST_CHANNELS = 32  # where a network's arguments do not say
TRAINING = 3  # times as much memory as going forward
STORED = {"image": 4.0, "marks": 0.5, "values": 4.0}  # bytes a voxel on disk: images; labels and the like; maps
ROW = 20  # bytes of a row of counts
MODEL_BYTES = 64 << 20  # of a model, its training state included
MIB = 1 << 20


class SizePlan(ExplainerPlan, VolumePlan, StabilityPlan, SanityPlan):
    """What the jobs and the results of an experiment take."""

    def case_memory(self, cases: list[str], together: bool = False) -> Callable[..., int]:
        """For a rule's `mem_mb`: MiB of a job that holds cases one by one, or together; more at a further attempt."""
        return lambda wildcards, attempt: attempt * self._case_mib(cases, together)

    def preprocess_memory(self, wildcards, attempt: int) -> int:
        """For the `mem_mb` of a rule with the wildcard case: MiB to bring it to the common grid."""
        return attempt * ceil(LIBRARIES / 2 + SCAN_BYTES * prod(self._grid(wildcards.case)[0]) / MIB)

    def training_memory(self, wildcards, attempt: int) -> int:
        """For a rule's `mem_mb`: MiB of a training, which holds its cases in memory."""
        return attempt * self._training_mib

    def shortages(self) -> Iterator[str]:
        """What this machine does not have, a sentence each."""
        Path(self.root).mkdir(parents=True, exist_ok=True)
        there = (path for path in Path(self.root).rglob("*.*") if path.is_file() and paths.STORE not in path.parts)
        needed = self.disk_bytes() - sum(path.stat().st_size for path in there)
        free = shutil.disk_usage(self.root).free
        if needed > free:
            yield (
                f"{self.root} may take {_gib(needed)} more, and {_gib(free)} are free on its disk: make room, or set "
                "`compute: {keep_maps: report}`"
            )
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        most = MIB * max(self._training_mib, self._case_mib(self.ids()))
        if most > memory:
            yield (
                f"a job may take {_gib(most)} of memory, and this machine has {_gib(memory)}: run it where "
                "there is more, or make compute.batch_size or preprocess.shape smaller"
            )

    def disk_bytes(self) -> int:
        """What the results take on disk in the end, about."""
        voxels = {case: self._voxels(case) for case in self.ids()}
        targets = len(self.config["targets"])
        size = float(MODEL_BYTES * (len(self.trained) + len(self.retrainings) + len(self.sanity_models)))
        if self.is_phantom:
            size += len(voxels) * prod(PHANTOM_SHAPE) * STORED["values"]
        size += sum(voxels.values()) * (STORED["image"] + STORED["marks"])
        for splits in self.predicted.values():
            size += len(self.config["classes"]) * STORED["values"] * sum(voxels[case] for case in self.ids(*splits))
        for group in self.explainer_groups:
            kept = sum(voxels[case] for case in self.ids(*group.splits) if self.keeps_map(case))
            size += targets * len(group.explainers) * len(group.volumes) * STORED["values"] * kept
        size += targets * len(self.noisy) * STORED["values"] * sum(voxels.values())
        own = self.config["evaluation"]
        rows = len(own["obscurers"]) * (len(own["kept_first"]) + len(own["removed_first"])) * len(self.judges)
        for group in self.evaluation_groups:
            units = sum(self.shape(case)[2] if self.dims == 2 else 1 for case in self.ids(*group.splits))
            size += ROW * rows * targets * len(group.explainers) * units
        return ceil(size)

    def shape(self, case: str) -> tuple[int, ...]:
        """Voxels of a case on the common grid along right, anterior, superior."""
        settings = self.config["preprocess"]
        part = self.cases[case].slice_range()
        found = []
        for axis, (size, mm) in enumerate(zip(*self._grid(case), strict=True)):
            wanted = settings["spacing"][axis] or mm * (settings["stride"] or (1, 1, 1))[axis]
            found.append(settings["shape"][axis] or max(1, round(size * mm / wanted)))
        return (*found[:2], part[1] - part[0]) if part else tuple(found)

    def keeps_map(self, case: str) -> bool:
        """Whether the maps of a case stay after the last job that reads them."""
        return {"all": True, "report": case in self.shown_cases, "none": False}[self.config["compute"]["keep_maps"]]

    @cache  # noqa: B019 (one plan a process)
    def _grid(self, case: str) -> Grid:
        """Of a scan; of one that is not there yet or cannot be read, a phantom's."""
        return read_grid(Path(self.source(case, "image"))) or (PHANTOM_SHAPE, PHANTOM_SPACING)

    def _voxels(self, case: str) -> int:
        return prod(self.shape(case))

    def _case_mib(self, cases: list[str], together: bool = False) -> int:
        held = sum(map(self._voxels, cases)) if together else max(map(self._voxels, cases), default=0)
        plane = prod((self.config["segmenter"].get("inference") or {}).get("patch", ())) if self.dims == 3 else None
        unit = plane or max((prod(self.shape(case)[:2]) for case in cases), default=0)
        passed = self.config["compute"]["batch_size"] * unit * _number_bytes(self.config["segmenter"]["network"])
        return ceil(LIBRARIES + (CASE_BYTES * held + passed) / MIB)

    @cached_property
    def _training_mib(self) -> int:
        held = TRAINING_BYTES * sum(self._voxels(case) for case in self.ids("train", "validation"))
        most = 0
        for one in (self.config["segmenter"], *self.config["judges"].values(), *self.config["interpreters"].values()):
            training = one["training"]
            unit = prod(training.get("patch") or self.shape(self.ids("train")[0])[:2])
            most = max(most, training["batch_size"] * unit * _number_bytes(one.get("network", {})))
        return ceil(LIBRARIES + (held + TRAINING * most) / MIB)


def _number_bytes(network: dict) -> int:
    """Bytes that a network of MONAI keeps a voxel of its input, going forward."""
    first = network.get("channels") or network.get("features") or FIRST_CHANNELS
    return 4 * FEATURES * (first if isinstance(first, int) else first[0])


def _gib(size: float) -> str:
    return f"{size / (1 << 30):.1f} GiB"
