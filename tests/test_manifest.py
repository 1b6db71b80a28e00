"""The manifest: read as written, a bad row is one line."""

from dataclasses import fields, replace

import pytest

from unoise import tables
from unoise.errors import UserError
from unoise.workflow.manifest import TAKEN, Case, keep_subgroups, read_manifest, write_manifest

HEADER = "id\tpatient\tsplit\timage\tlabel\tstructures\toriginal\tslices"


def row(case="b", patient=None, split="train", image="i.nii.gz", label="l.nii.gz", structures="liver=1") -> str:
    return "\t".join([case, patient or case, split, image, label, structures, "", ""])


def refused_table(tmp_path, *rows, header=HEADER) -> str:
    path = tmp_path / "cases.tsv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    with pytest.raises(UserError) as raised:
        read_manifest(path)
    text = str(raised.value)
    assert "\n" not in text
    assert str(path) in text
    return text


# The table


def test_round_trip(tmp_path):
    cases = [
        Case(
            "a.1",
            "p-1",
            "train",
            "imagesTr/ä b.nii.gz",
            "labelsTr/ä b.nii.gz",
            "liver=1;left kidney=7",
            "ä b",
        ),
        Case("b", "p_2", "test", 'imagesTr/"b".nii.gz', "labelsTr/b.nii.gz", "", ""),
    ]
    path = tmp_path / "config" / "cases.tsv"
    write_manifest(path, cases)
    assert read_manifest(path) == cases
    assert read_manifest(path)[0].label_values() == {"liver": 1, "left kidney": 7}
    assert path.read_text(encoding="utf-8").splitlines()[0] == HEADER
    assert list(path.parent.iterdir()) == [path], "no temporary file stays"


def test_table_saved_by_a_spreadsheet_is_read(tmp_path):
    path = tmp_path / "cases.tsv"
    path.write_bytes("\r\n".join([HEADER, row("a"), "", row("b", split="test"), ""]).encode("utf-8-sig"))
    assert [case.id for case in read_manifest(path)] == ["a", "b"]


@pytest.mark.parametrize(
    ("bad", "where", "what"),
    [
        (row("a"), "case a", "occurs more than once"),
        (row("A"), "case a", "occurs more than once"),
        (row("../x"), "line 4", "'../x' is not a safe name"),
        (row("-x"), "line 4", "'-x' is not a safe name"),
        (row("x y"), "line 4", "'x y' is not a safe name"),
        (row("b", patient="p/1"), "line 4", "patient 'p/1' is not a safe name"),
        (row(image="/data/i.nii.gz"), "case b", "image '/data/i.nii.gz' is not a path inside the dataset"),
        (
            row(label="x/../../l.nii.gz"),
            "case b",
            "label 'x/../../l.nii.gz' is not a path inside the dataset",
        ),
        (row(label=""), "case b", "label '' is not a path inside the dataset"),
        (row(split="training"), "line 4", "split 'training' is unknown"),
        (row(patient="t", split="validation"), "case b", "patient t is in the splits test and validation"),
        (row(structures="liver"), "case b", "structures 'liver' cannot be read"),
        (row(structures="liver=one"), "case b", "structures 'liver=one' cannot be read"),
        ("b\tb\ttrain\ti.nii.gz", "line 4", "does not have 8 columns"),
        (row() + "\tmore", "line 4", "does not have 8 columns"),
    ],
)
def test_malformed_row(tmp_path, bad, where, what):
    text = refused_table(tmp_path, row("a"), row("t", split="test"), bad)
    assert where in text
    assert what in text


def test_line_number_counts_blank_lines(tmp_path):
    assert "line 5" in refused_table(tmp_path, row("a"), "", "", row("b", split="x"))


def test_missing_column(tmp_path):
    text = refused_table(tmp_path, "a\ta\ttest", header="id\tpatient\tsplit")
    assert "columns" in text
    assert "structures" in text


@pytest.mark.parametrize(("there", "lacking"), [("train", "test"), ("test", "train")])
def test_empty_split(tmp_path, there, lacking):
    text = refused_table(tmp_path, row("a", split=there), row("b", split="validation"))
    assert f"no case is in the split {lacking!r}" in text
    assert "cases.split_of" in text


def test_no_row_at_all(tmp_path):
    assert "no case is in the split 'train'" in refused_table(tmp_path)


def test_not_utf8(tmp_path):
    path = tmp_path / "cases.tsv"
    path.write_bytes((HEADER + "\n" + row("a", image="ä.nii.gz") + "\n").encode("latin-1"))
    with pytest.raises(UserError, match="not UTF-8"):
        read_manifest(path)


def test_missing_manifest_names_the_command(tmp_path):
    with pytest.raises(UserError, match="unoise cases"):
        read_manifest(tmp_path / "cases.tsv")


def test_a_table_that_could_not_be_read_is_not_written(tmp_path):
    path = tmp_path / "cases.tsv"
    path.write_text("as it was", encoding="utf-8")
    with pytest.raises(UserError, match="split 'test'"):
        write_manifest(path, [Case("a", "a", "train", "i", "l", "liver=1")])
    assert path.read_text(encoding="utf-8") == "as it was"


def test_parts_of_a_scan_say_their_slices_and_may_lie_in_two_splits(tmp_path):
    path = tmp_path / "cases.tsv"
    parts = [
        Case("a.train", "a", "train", "i", "l", "liver=1", "", "0:5"),
        Case("a.test", "a", "test", "i", "l", "liver=1", "", "5:9"),
    ]
    write_manifest(path, parts)
    assert [case.slice_range() for case in read_manifest(path)] == [(0, 5), (5, 9)]
    for wrong in ("5:5", "9:3", "5", "-1:4", "a:b"):
        with pytest.raises(UserError, match=r"slices .* cannot be read"):
            write_manifest(path, [*parts, Case("b", "b", "train", "i", "l", "liver=1", "", wrong)])


def test_tabs_that_an_editor_took_from_the_end_of_a_line_are_not_missed(tmp_path):
    path = tmp_path / "cases.tsv"
    path.write_text("\n".join([HEADER, row("a").rstrip(), row("t", split="test").rstrip()]), encoding="utf-8")
    assert [case.id for case in read_manifest(path)] == ["a", "t"]


# Further columns


def test_further_columns_are_subgroups_and_written_as_they_were_read(tmp_path):
    path = tmp_path / "cases.tsv"
    rows = [row("a") + "\tA | 3\tF", row("t", split="test") + "\t\tM"]
    path.write_text("\n".join([HEADER + "\tscanner\tsex", *rows]) + "\n", encoding="utf-8")
    cases = read_manifest(path)
    assert cases[0].subgroups == (("scanner", "A | 3"), ("sex", "F"))
    assert dict(cases[1].subgroups)["scanner"] == ""
    before = path.read_bytes()
    write_manifest(path, cases)
    assert path.read_bytes() == before


def test_further_columns_stay_and_new_cases_get_empty_ones():
    old = Case("a", "a", "train", "i", "l", "", subgroups=(("sex", "F"),))
    kept = keep_subgroups([replace(old, split="test", subgroups=()), Case("b", "b", "test", "i", "l", "")], [old])
    assert [(case.id, case.split, case.subgroups) for case in kept] == [
        ("a", "test", (("sex", "F"),)),
        ("b", "test", (("sex", ""),)),
    ]


@pytest.mark.parametrize("name", ["scanner\tscanner", "split", "label_ml", "", "<b>"])
def test_a_further_column_with_a_name_that_will_not_do(tmp_path, name):
    more = "\tx" * len(name.split("\t"))
    rows = (row("a") + more, row("t", split="test") + more)
    assert "has a name that is taken, or one with other signs" in refused_table(
        tmp_path, *rows, header=f"{HEADER}\t{name}"
    )


def test_no_further_column_can_be_mistaken_for_one_of_the_table_of_cases():
    columns = {field.name for field in fields(Case)} - {"subgroups"}
    assert columns | set(TAKEN) >= set(tables.CASES.names)
