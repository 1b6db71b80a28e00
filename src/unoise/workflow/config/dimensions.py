"""The dimensions of the segmenter's network decide what a unit is, a slice or a volume; all else follows."""

from collections.abc import Iterator

from unoise.workflow import methods
from unoise.workflow.config.fault import Fault
from unoise.workflow.names import UNITS

OVERLAP = 0.5


def settle_dims(config: dict) -> None:
    """Give every network the segmenter's dimensions and, in 3D, its patches and windows where it has none of its own.

    Raises
    ------
    Fault
        If a network has other dimensions, a 3D segmenter no `training.patch`, or a 2D model any.
    """
    segmenter = config["segmenter"]
    dims = segmenter["network"].setdefault("spatial_dims", 2)
    config["probe"]["network"].setdefault("spatial_dims", dims)
    for place, model in _models(config):
        if model.get("network", {"spatial_dims": dims}).setdefault("spatial_dims", dims) != dims:
            raise Fault(f"{place}.network.spatial_dims", f"the segmenter's is {dims}", "Leave it out here")
        trainings = {kind: model[kind] for kind in ("training", "pretraining") if kind in model}
        if dims == 2:
            _refuse_patches(place, model, trainings)
            continue
        if "patch" not in segmenter["training"]:
            remedy = "Give the voxels of a patch along X, Y and Z, such as [96, 96, 48]"
            raise Fault("segmenter.training.patch", "volumes are trained on in patches, and it is missing", remedy)
        for training in trainings.values():
            training.setdefault("patch", segmenter["training"]["patch"])
        usual = {"patch": segmenter["training"]["patch"], "overlap": OVERLAP}
        model["inference"] = usual | segmenter.get("inference", {}) | model.get("inference", {})


def check_dims(config: dict) -> None:
    """Raise a `Fault` for the first explainer, augmentation or protocol that cannot take the segmenter's units."""
    dims = config["segmenter"]["network"]["spatial_dims"]
    for name, explainer in config["explainers"].items():
        if dims not in methods.find("explainers", explainer["method"]).dims:
            what = f"{explainer['method']} cannot explain a {UNITS[dims]} (segmenter.network.spatial_dims: {dims})"
            raise Fault(f"explainers.{name}", what, "Remove it from `explainers:`")
    for place, model in _models(config):
        for kind in {"training", "pretraining"} & model.keys():
            augmentation = model[kind]["augmentation"]
            if dims not in methods.find("training.augmentations", augmentation).dims:
                what = f"{augmentation} cannot vary a {UNITS[dims]}"
                raise Fault(f"{place}.{kind}.augmentation", what, "Choose affine, or leave it out")
    for place, given in (
        ("paper_protocols", config["paper_protocols"]),
        ("cases.by_slice", config["cases"]["by_slice"]),
        ("probe.explainers", config["probe"]["explainers"]),
    ):
        if given and dims == 3:
            raise Fault(place, "it is of slices, the units of this config are volumes", "Leave it out")


def _models(config: dict) -> Iterator[tuple[str, dict]]:
    yield "segmenter", config["segmenter"]
    for kind in ("judges", "interpreters"):
        yield from ((f"{kind}.{name}", model) for name, model in config[kind].items())


def _refuse_patches(place: str, model: dict, trainings: dict[str, dict]) -> None:
    given = [f"{kind}.patch" for kind, one in trainings.items() if "patch" in one]
    given += ["inference"] * ("inference" in model)
    if given:
        remedy = "Leave it out, or let segmenter.network.spatial_dims be 3"
        raise Fault(f"{place}.{given[0]}", "a 2D network sees slices whole", remedy)
