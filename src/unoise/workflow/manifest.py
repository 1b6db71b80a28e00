"""The manifest: one row a case, the only thing that decides which cases there are."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path

from unoise.errors import UserError
from unoise.files import PLACEHOLDERS, is_inside, whole_file

SPLITS = ("train", "validation", "calibration", "test")
LONGEST_ID = 100
ID_PATTERN = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_ID - 1}}}")
_SLICES = re.compile(r"([0-9]{1,6}:[0-9]{1,6})?")
_STRUCTURE = re.compile(r"[^;]+=[0-9]{1,5}")
_MAY_BE_EMPTY = ("original", "slices")
_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]*")
TAKEN = (  # names of columns of `cases.parquet`, which no further column may have
    *("case", "image_sha256", "label_sha256", "shape", "spacing", "axes"),
    *("preprocessed_shape", "preprocessed_spacing", "body_ml", "class", "label_ml"),
)


@dataclass(frozen=True)
class Case:
    """One row of the manifest.

    Attributes
    ----------
    id, patient
        Match `ID_PATTERN`.
    split
        One of `SPLITS`.
    image, label
        Paths relative to the config's `dataset`.
    structures
        Labels annotated in this case with their voxel values, as "liver=1;pancreas=2".
    original
        The name in the dataset where it had to be changed for the id, else empty.
    slices
        Where the case is a part of a scan, its axial slices as "20:35", counted from the feet from 0, the end left out.
    subgroups
        Further columns, such as scanner, phase or sex: their names and values, empty ones where nothing is known.
    """

    id: str
    patient: str
    split: str
    image: str
    label: str
    structures: str
    original: str = ""
    slices: str = ""
    subgroups: tuple[tuple[str, str], ...] = ()

    def label_values(self) -> dict[str, int]:
        """Annotated structures with their values in the label volume."""
        return {name: int(value) for name, value in (s.rsplit("=", 1) for s in self.structures.split(";") if s)}

    def slice_range(self) -> tuple[int, int] | None:
        """First slice and the one after the last, of a case that is a part of a scan."""
        return tuple(map(int, self.slices.split(":"))) if self.slices else None


_COLUMNS = [field.name for field in fields(Case) if field.name != "subgroups"]


def read_manifest(path: Path) -> list[Case]:
    """Read and check a manifest.

    Raises
    ------
    UserError
        If it is missing, a column or value is wrong, an id occurs twice or a patient is in two splits (which only
        parts of a scan may be).
    """
    if not path.is_file():
        raise UserError(
            "the manifest (the table of cases) does not exist",
            file=path,
            remedy="Write it with `unoise cases --configfile <your config>`",
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"it is not UTF-8 text ({error})", file=path, remedy="Save it as UTF-8") from None
    return _parse(text, path)


def write_manifest(path: Path, cases: Iterable[Case]) -> None:
    """Write cases as a tab-separated table, whole or not at all; raises what `read_manifest` would of the content."""
    text, cases = io.StringIO(), list(cases)
    further = list(dict.fromkeys(name for case in cases for name, _ in case.subgroups))
    writer = csv.DictWriter(text, [*_COLUMNS, *further], delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: getattr(case, name) for name in _COLUMNS} | dict(case.subgroups) for case in cases)
    _parse(text.getvalue(), path)
    with whole_file(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def keep_subgroups(cases: Iterable[Case], known: Iterable[Case]) -> list[Case]:
    """Cases with the further columns that a manifest had; empty ones for those that it did not list."""
    had = {case.id: case.subgroups for case in known}
    empty = tuple((name, "") for name, _ in next(iter(had.values()), ()))
    return [replace(case, subgroups=had.get(case.id, empty)) for case in cases]


def _parse(text: str, path: Path) -> list[Case]:
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t")
    there = rows.fieldnames or []
    if there[: len(_COLUMNS)] != _COLUMNS:
        raise UserError(
            f"its columns are {str(there)[:500]}, not {_COLUMNS}",
            file=path,
            remedy="Write it anew with `unoise cases`, or mend its first line; columns of your own go to its end",
        )
    _check_further(there[len(_COLUMNS) :], path)
    try:
        cases = [_case(row, path, rows.line_num) for row in rows]
    except csv.Error as error:
        what = f"after line {rows.line_num} it is no table ({error})"
        raise UserError(what, file=path, remedy="Look there for a quotation mark without its other one") from None
    _check_together(cases, path)
    return cases


def _case(row: dict, path: Path, number: int) -> Case:
    def wrong(what: str, remedy: str) -> UserError:
        return UserError(f"line {number}: {what}", case=(row.get("id") or "")[:LONGEST_ID], file=path, remedy=remedy)

    further = [name for name in row if name is not None and name not in _COLUMNS]
    row |= {key: row[key] or "" for key in (*_MAY_BE_EMPTY, *further)}  # editors remove tabs at the end of a line
    if None in row or None in row.values():
        raise wrong(f"it does not have {len(_COLUMNS) + len(further)} columns", "Separate columns by one tab")
    for key in ("id", "patient"):
        if not ID_PATTERN.fullmatch(row[key]):
            remedy = f"Use letters, digits, '.', '_', '-', at most {LONGEST_ID}"
            raise wrong(f"{key} {row[key][:200]!r} is not a safe name", remedy)
    if row["split"] not in SPLITS:
        raise wrong(f"split {row['split'][:200]!r} is unknown", f"Use one of {', '.join(SPLITS)}")
    for key in ("image", "label"):
        if not is_inside(row[key]):
            raise wrong(
                f"{key} {row[key][:200]!r} is not a path inside the dataset, or has one of {PLACEHOLDERS}",
                f"Use a path relative to `dataset`, and rename files with one of {PLACEHOLDERS}",
            )
    subgroups = tuple((name, row.pop(name).strip()) for name in further)
    case = Case(**row, subgroups=subgroups)
    structures = [one for one in case.structures.split(";") if one]
    if not all(map(_STRUCTURE.fullmatch, structures)) or len(structures) > len(case.label_values()):
        what = f"structures {case.structures[:200]!r} cannot be read"
        raise wrong(what, "Write them as liver=1;pancreas=2, each name once, values below 100000")
    if not _SLICES.fullmatch(case.slices) or (case.slices and not int.__lt__(*case.slice_range())):
        raise wrong(f"slices {case.slices[:200]!r} cannot be read", "Write them as 20:35, or leave them out")
    return case


def _check_further(names: list[str], path: Path) -> None:
    for name, count in Counter(names).items():
        if count > 1 or name in (*_COLUMNS, *TAKEN) or not _COLUMN.fullmatch(name):
            raise UserError(
                f"its column {name!r} has a name that is taken, or one with other signs than letters, digits, ' ._-'",
                file=path,
                remedy="Give the column another name, such as scanner",
            )


def _check_together(cases: list[Case], path: Path) -> None:
    twice = [name for name, count in Counter(case.id.lower() for case in cases).items() if count > 1]
    if twice:
        raise UserError("its id occurs more than once", case=twice[0], file=path, remedy="Give each row its own id")
    splits: dict[str, str] = {}
    for case in cases:
        if splits.setdefault(case.patient, case.split) != case.split and not case.slices:
            raise UserError(
                f"patient {case.patient} is in the splits {splits[case.patient]} and {case.split}",
                case=case.id,
                file=path,
                remedy="Put all cases of a patient into one split",
            )
    for split in ("train", "test"):
        if split not in {case.split for case in cases}:
            raise UserError(
                f"no case is in the split {split!r}",
                file=path,
                remedy=f"Mark some cases as {split}, or give it patients in cases.split_of of the config",
            )
