"""Manifests given to what every command and the Snakefile read them with."""

from collections.abc import Iterable
from pathlib import Path

from corpus import Malformed
from unoise.workflow.manifest import read_manifest

HEADER = "id\tpatient\tsplit\timage\tlabel\tstructures\toriginal\tslices"
MANIFEST = Path("config/cases/tiny.tsv")


def read(folder: Path) -> None:
    """Read the manifest in a folder."""
    read_manifest(folder / MANIFEST)


def row(
    case="b", patient=None, split="train", image="i.nii.gz", label="l.nii.gz", structures="liver=1", slices=""
) -> str:
    return "\t".join([case, patient or case, split, image, label, structures, "", slices])


def content(name: str, made: bytes, *says: str) -> Malformed:
    """A manifest, byte by byte."""

    def make(folder: Path) -> None:
        (folder / MANIFEST).parent.mkdir(parents=True)
        (folder / MANIFEST).write_bytes(made)

    return Malformed(name, make, (str(MANIFEST), *says))


def text(rows: Iterable[str], header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def rows(name: str, bad: str, *says: str) -> Malformed:
    """A sound training and a sound test case, and one more row."""
    return content(name, text([row("a"), row("t", split="test"), bad]), *says)


UNSAFE, OUTSIDE = "is not a safe name", "is not a path inside the dataset"
MALFORMED = [
    rows("an id twice", row("a"), "case a: ", "its id occurs more than once"),
    rows("an id twice but for its capital", row("A"), "case a: ", "its id occurs more than once"),
    rows("an id that climbs", row("../x"), "line 4", "id '../x'", UNSAFE),
    rows("an id of dots", row(".."), "id '..'", UNSAFE),
    rows("an id that is hidden", row(".x"), "id '.x'", UNSAFE),
    rows("an id like an option", row("-x"), "id '-x'", UNSAFE),
    rows("an id with a blank", row("x y"), "id 'x y'", UNSAFE),
    rows("an id with an umlaut", row("Müller"), "id 'Müller'", UNSAFE),
    rows("an id with a folder", row("x/y"), "id 'x/y'", UNSAFE),
    rows("an id with a line end", row('"x\ny"'), r"id 'x\ny'", UNSAFE),
    rows("an id that colours the terminal", row("\x1b[31mx"), r"id '\x1b[31mx'", UNSAFE),
    rows("an id for Snakemake", row("{x}"), "id '{x}'", UNSAFE),
    rows("an id longer than file names can be", row("x" * 300), "line 4", UNSAFE, "at most 100"),
    rows("an id without a letter", row(""), "id ''", UNSAFE),
    rows("a patient that climbs", row(patient="../p"), "case b: ", "patient '../p'", UNSAFE),
    rows("a patient in two splits", row(patient="t", split="validation"), "case b: ", "in the splits test and valid"),
    rows("an unknown split", row(split="training"), "case b: ", "split 'training' is unknown"),
    rows("an image from the root", row(image="/etc/passwd"), "case b: ", "image '/etc/passwd'", OUTSIDE),
    rows("an image that climbs", row(image="x/../../i.nii.gz"), "image 'x/../../i.nii.gz'", OUTSIDE),
    rows("a label that climbs", row(label="../l.nii.gz"), "label '../l.nii.gz'", OUTSIDE),
    rows("an image for Snakemake", row(image="i{x}.nii.gz"), "image 'i{x}.nii.gz'", "rename files with one of {}<>"),
    rows("no image", row(image=""), "image ''", OUTSIDE),
    rows("an image with a NUL", row(image="i\0.nii.gz"), r"image 'i\x00.nii.gz'", OUTSIDE),
    rows("an image with a line end", row(image='"i\n.nii.gz"'), r"image 'i\n.nii.gz'", OUTSIDE),
    rows("structures without values", row(structures="liver"), "structures 'liver' cannot be read"),
    rows("structures of words", row(structures="liver=one"), "structures 'liver=one' cannot be read"),
    rows("structures below zero", row(structures="liver=-1"), "structures 'liver=-1' cannot be read"),
    rows("structures of a huge value", row(structures="liver=9999999999"), "cannot be read"),
    rows("structures with a name twice", row(structures="liver=1;liver=2"), "each name once"),
    rows("slices backwards", row(slices="9:3"), "slices '9:3' cannot be read"),
    rows("slices of words", row(slices="all"), "slices 'all' cannot be read"),
    rows("slices beyond numbers", row(slices=f"0:{'9' * 5000}"), "cannot be read"),
    rows("columns too few", "b\tb\ttrain\ti.nii.gz", "line 4", "does not have 8 columns"),
    rows("columns too many", f"{row()}\tmore", "line 4", "does not have 8 columns"),
    rows("blanks for tabs", row().replace("\t", "  "), "line 4", "does not have 8 columns"),
    rows("a quotation mark without its other", row(image='"i') + "\n" + row("c") * 4000, "quotation mark"),
    content("no column", text([], "id\tpatient"), "its columns are ['id', 'patient']"),
    content("commas for tabs", text([row("a").replace("\t", ",")], HEADER.replace("\t", ",")), "its columns are"),
    content("a column twice", text([], f"{HEADER}\tsex\tsex"), "its column 'sex' has a name that is taken"),
    content("a column of ours", text([], f"{HEADER}\tlabel_ml"), "its column 'label_ml' has a name that is taken"),
    content("a column of HTML", text([], f"{HEADER}\t<script>"), "other signs than letters"),
    content("nothing in it", b"", "its columns are []"),
    content("a header alone", text([]), "no case is in the split 'train'"),
    content("no test case", text([row("a")]), "no case is in the split 'test'"),
    content("Latin-1", text([row("a", image="ä")]).decode().encode("latin-1"), "it is not UTF-8 text"),
    content("UTF-16", text([row("a")]).decode().encode("utf-16"), "it is not UTF-8 text"),
    content("a spreadsheet", b"PK\x03\x04\x14\0\x08\x08\x08\0" * 50, "its columns are"),
]
