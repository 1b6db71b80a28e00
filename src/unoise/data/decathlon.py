"""Datasets in the layout of the Medical Segmentation Decathlon."""

import json
from dataclasses import dataclass
from pathlib import Path

from unoise.errors import UserError


@dataclass(frozen=True)
class Task:
    """What a `dataset.json` lists: label names to values, and (name, image, label) of each labelled case."""

    labels: dict[str, int]
    cases: list[tuple[str, str, str]]


def read_task(folder: Path) -> Task:
    """Read the `dataset.json` in a folder; paths are made relative to the folder.

    Raises
    ------
    UserError
        If it is missing, is not of the Decathlon's form, lists two images of one name, or lists a file that does not
        exist or lies outside the folder.
    """
    path = folder / "dataset.json"

    def wrong(what: str, remedy: str = "Write it as the Medical Segmentation Decathlon does", case=None) -> UserError:
        return UserError(what, case=case, file=path, remedy=remedy)

    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise wrong("the file does not exist", "Check `dataset` in the config") from None
    except ValueError as error:
        raise wrong(f"it is not JSON ({error})") from None
    if not isinstance(content, dict) or not isinstance(content.get("labels"), dict):
        raise wrong("it has no table `labels`")
    try:
        labels = {str(name): int(value) for value, name in content["labels"].items()}
    except (TypeError, ValueError):
        raise wrong("a key of `labels` is not a whole number", 'Write {"1": "liver"}, not {"liver": 1}') from None
    if len(labels) < len(content["labels"]):
        raise wrong("two keys of `labels` have the same name", "Give each label value a name of its own")
    unsafe = [name for name in labels if not name or set(name) & set(";=\t\r\n")]
    if unsafe:
        raise wrong(f"the label name {unsafe[0]!r} has a ';', '=', tab or line end, or is empty", "Rename the label")
    if not isinstance(content.get("training"), list) or not content["training"]:
        raise wrong("it has no list `training`")
    cases, names = [], set()
    for row in content["training"]:
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("image", "label")):
            raise wrong(f"training: {str(row)[:80]!r} has no `image` and `label`")
        name = Path(row["image"]).name.removesuffix(".gz").removesuffix(".nii")
        for key in ("image", "label"):
            if Path(row[key]).is_absolute() or ".." in Path(row[key]).parts:
                raise wrong(f"{key} {row[key]!r} lies outside the folder", case=name)
            if not (folder / row[key]).is_file():
                raise wrong(f"{key} {row[key]} does not exist", "Put the file there or delete the entry", name)
        if name.lower() in names:
            raise wrong(f"image {row['image']!r} has the name of another one", "Give each its own file name", name)
        names.add(name.lower())
        cases.append((name, *(str(Path(row[key])) for key in ("image", "label"))))
    return Task(labels, cases)
