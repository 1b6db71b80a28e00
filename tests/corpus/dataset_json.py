"""What a `dataset.json` can have wrong, given to what `unoise cases` finds cases with."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from corpus import Malformed, plain_config
from corpus.nifti import cut, stored
from unoise.data.cases import find_cases
from unoise.workflow.config import complete

CONFIG = complete(plain_config())
JSON = Path("data/dataset.json")


def read(folder: Path) -> None:
    """Find the cases of the dataset in a folder."""
    find_cases(CONFIG | {"dataset": str(folder / "data")})


def save(folder: Path, content: str | bytes) -> None:
    """Four small cases, a to d, and a `dataset.json`."""
    for kind in ("imagesTr", "labelsTr"):
        (folder / "data" / kind).mkdir(parents=True)
        for name in "abcd":
            (folder / "data" / kind / f"{name}.nii").write_bytes(stored(np.ones((3, 3, 3), np.uint8)))
    (folder / JSON).write_bytes(content if isinstance(content, bytes) else content.encode())


def sound() -> dict:
    files = [{"image": f"./imagesTr/{name}.nii", "label": f"./labelsTr/{name}.nii"} for name in "abcd"]
    return {"name": "made", "labels": {"0": "background", "1": "liver"}, "training": files}


def text(name: str, content: str | bytes, *says: str) -> Malformed:
    return Malformed(name, lambda folder: save(folder, content), (str(JSON), *says))


def changed(name: str, change: Callable[[dict], object], *says: str) -> Malformed:
    content = sound()
    change(content)
    return text(name, json.dumps(content), *says)


def fields(name: str, *says: str, **fields: object) -> Malformed:
    return changed(name, lambda content: content.update(fields), *says)


def second(name: str, *says: str, **paths: object) -> Malformed:
    """The second case has other paths."""
    return changed(name, lambda content: content["training"][1].update(paths), *says)


def label(name: str, voxels: bytes, *says: str) -> Malformed:
    """The label of the third case is another file."""

    def make(folder: Path) -> None:
        save(folder, json.dumps(sound()))
        (folder / "data/labelsTr/c.nii").write_bytes(voxels)

    return Malformed(name, make, ("case c: ", "labelsTr/c.nii", *says))


def valued(value: float) -> bytes:
    return stored(np.full((3, 3, 3), value, np.float32))


NO_LABELS, NO_TRAINING = "it has no table `labels`", "it has no list `training`"
OUTSIDE, NO_NUMBER = "lies outside the folder", "is not a whole number"
MALFORMED = [
    Malformed("missing", lambda folder: None, (str(JSON), "does not exist")),
    text("nothing in it", "", "it is not JSON"),
    text("cut short", json.dumps(sound())[:60], "it is not JSON"),
    text("YAML", "labels: {1: liver}", "it is not JSON"),
    text("Latin-1", json.dumps(sound()).replace("made", "ä").encode("latin-1"), "it is not JSON"),
    text("lists without an end", "[" * 100_000, "it is not JSON"),
    text("a key twice", '{"labels": {"1": "liver", "1": "spleen"}}', "the key '1' occurs twice"),
    text("a number beyond numbers", '{"labels": ' + "9" * 5000 + "}", "it is not JSON"),
    text("a list", "[]", NO_LABELS),
    text("null", "null", NO_LABELS),
    changed("no labels", lambda content: content.pop("labels"), NO_LABELS),
    fields("labels in a list", NO_LABELS, labels=["background", "liver"]),
    fields("labels the other way", NO_NUMBER, 'Write {"1": "liver"}', labels={"liver": "1"}),
    fields("labels as nnU-Net has them", NO_NUMBER, labels={"liver": 1}),
    fields("a fractional label", NO_NUMBER, labels={"1.5": "liver"}),
    fields("a negative label", NO_NUMBER, labels={"-1": "liver"}),
    fields("a huge label", NO_NUMBER, labels={"9" * 5000: "liver"}),
    fields("two labels of a name", "same name or the same value", labels={"1": "liver", "2": "liver"}),
    fields("two labels of a value", "same name or the same value", labels={"1": "liver", "01": "spleen"}),
    fields("a label without a name", "the label name ''", labels={"1": ""}),
    fields("a label with a line end", r"the label name 'li\nver'", labels={"1": "li\nver"}),
    fields("a label that would end", "the label name 'liver;spleen'", labels={"1": "liver;spleen"}),
    fields("a label of null", "the label name 'None'", labels={"1": None}),
    changed("no training", lambda content: content.pop("training"), NO_TRAINING),
    fields("training without a case", NO_TRAINING, training=[]),
    fields("training in a table", NO_TRAINING, training={"image": "a", "label": "b"}),
    fields("training of names alone", "has no `image` and `label`", training=["./imagesTr/a.nii"]),
    fields("a case without a label", "has no `image` and `label`", training=[{"image": "./imagesTr/a.nii"}]),
    second("an image of a number", "has no `image` and `label`", image=5),
    second("an image that climbs", "case b: ", "'../b.nii'", OUTSIDE, image="../b.nii"),
    second("a label from the root", "case b: ", "'/etc/passwd'", OUTSIDE, label="/etc/passwd"),
    second("an image with a NUL", r"'./imagesTr/\x00.nii'", OUTSIDE, image="./imagesTr/\0.nii"),
    second("an image of half a character", OUTSIDE, image="./imagesTr/\ud800.nii"),
    second("an image for Snakemake", "'./imagesTr/{b}.nii'", "has one of {}<>", image="./imagesTr/{b}.nii"),
    second("an image for Snakemake's variables", "'./imagesTr/<b>.nii'", "has one of {}<>", image="./imagesTr/<b>.nii"),
    second("an image without a name", "image '' lies outside", image=""),
    second("an image longer than names can be", "does not exist", image="x" * 5000),
    second("an image that is not there", "case z: ", "imagesTr/z.nii does not exist", image="imagesTr/z.nii"),
    second("a label that is not there", "case b: ", "labelsTr/z.nii does not exist", label="labelsTr/z.nii"),
    second("an image that is a folder", "imagesTr does not exist", image="imagesTr"),
    second("an image twice", "case a: ", "has the name of another one", image="./imagesTr/a.nii"),
    label("a label of fractions", valued(0.5), "the label holds fractions"),
    label("a label of an unknown value", valued(7), "holds the value 7, which is none of the `labels` of dataset"),
    label("a label cut short", cut(valued(1), 0.95), "cut short"),
    label("a label of NaN", valued(np.nan), "NaN or infinite"),
]
