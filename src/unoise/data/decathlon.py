"""Datasets in the layout of the Medical Segmentation Decathlon."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from unoise.errors import UserError
from unoise.files import PLACEHOLDERS, is_inside

_LABEL = re.compile(r"[^;=\x00-\x1f\x7f\ud800-\udfff]+")


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
        exist or lies outside the folder, by its name (what lies inside may be a link).
    """
    path = folder / "dataset.json"

    def wrong(what: str, remedy: str = "Write it as the Medical Segmentation Decathlon does", case=None) -> UserError:
        return UserError(what, case=case, file=path, remedy=remedy)

    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_each_once)
    except OSError as error:
        what = "the file does not exist" if isinstance(error, FileNotFoundError) else f"{error.strerror}"
        raise wrong(what, "Check `dataset` in the config") from None
    except (ValueError, RecursionError) as error:
        raise wrong(f"it is not JSON ({error})") from None
    if not isinstance(content, dict) or not isinstance(content.get("labels"), dict):
        raise wrong("it has no table `labels`")
    if not all(re.fullmatch("[0-9]{1,5}", value) for value in content["labels"]):
        remedy = 'Write {"1": "liver"}, not {"liver": 1}'
        raise wrong("a key of `labels` is not a whole number from 0 to 99999", remedy)
    unsafe = [name for name in content["labels"].values() if not isinstance(name, str) or not _LABEL.fullmatch(name)]
    if unsafe:
        what = f"the label name {str(unsafe[0])[:80]!r} is no text without ';', '=', tab and line end"
        raise wrong(what, "Rename the label")
    labels = {name: int(value) for value, name in content["labels"].items()}
    if len({*labels.values()}) < len(content["labels"]):
        what = "two keys of `labels` have the same name or the same value"
        raise wrong(what, "Give each label value a name of its own")
    if not isinstance(content.get("training"), list) or not content["training"]:
        raise wrong("it has no list `training`")
    cases, names = [], set()
    for row in content["training"]:
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("image", "label")):
            raise wrong(f"training: {str(row)[:80]!r} has no `image` and `label`")
        name = Path(row["image"]).name.removesuffix(".gz").removesuffix(".nii")[:200]
        for key in ("image", "label"):
            if not is_inside(row[key]):
                what = f"lies outside the folder, has one of {PLACEHOLDERS}, or is no path"
                raise wrong(f"{key} {row[key][:200]!r} {what}", case=name)
            if not os.path.isfile(folder / row[key]):  # unlike Path.is_file, False for a name that is too long
                raise wrong(f"{key} {row[key][:200]} does not exist", "Put the file there or delete the entry", name)
        if name.lower() in names:
            raise wrong(f"image {row['image']!r} has the name of another one", "Give each its own file name", name)
        names.add(name.lower())
        cases.append((name, *(str(Path(row[key])) for key in ("image", "label"))))
    return Task(labels, cases)


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) < len(pairs):
        twice = next(key for key in content if sum(one == key for one, _ in pairs) > 1)
        raise ValueError(f"the key {twice[:80]!r} occurs twice in one table")
    return content
