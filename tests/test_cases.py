"""`unoise cases`: splits by patient, moves nobody, leaves out by name."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from unoise import cli
from unoise.workflow.manifest import ID_PATTERN, Case, read_manifest, write_manifest

LABELS = {"0": "background", "1": "liver", "2": "tumour", "3": "spleen"}


class Dataset:
    """A folder in Decathlon layout and a config beside it."""

    def __init__(self, folder: Path, config: dict, save_nifti, save_yaml):
        self.folder, self.config, self.save_nifti, self.save_yaml = folder, config, save_nifti, save_yaml
        self.training: list[dict] = []
        self.content = {"labels": LABELS, "training": self.training}

    @property
    def manifest(self) -> Path:
        return Path("config/cases/tiny.tsv")

    def add(self, *names: str, values=(1,), where="") -> None:
        """Tiny cases that have voxels of these label values."""
        for name in names:
            label = np.zeros((4, 4, 4), np.uint8)
            label.flat[: len(values)] = values
            one = {kind: f"./{kind}sTr/{where}{name}.nii.gz" for kind in ("image", "label")}
            self.save_nifti(self.folder / one["image"], np.zeros((4, 4, 4), np.int16))
            self.save_nifti(self.folder / one["label"], label)
            self.training.append(one)

    def write(self) -> Path:
        (self.folder / "dataset.json").write_text(json.dumps(self.content), encoding="utf-8")
        return self.save_yaml(Path("config/tiny.yaml"), self.config)

    def cases(self, monkeypatch) -> dict[str, Case]:
        """Run the command here; the manifest by id."""
        monkeypatch.setattr(sys, "argv", ["unoise", "cases", "--configfile", str(self.write())])
        cli.main()
        return {case.id: case for case in read_manifest(self.manifest)}

    def refused(self, monkeypatch) -> str:
        """Run the command here; its error."""
        with pytest.raises(SystemExit) as raised:
            self.cases(monkeypatch)
        text = str(raised.value)
        assert text.startswith("unoise: ")
        assert "\n" not in text
        return text


@pytest.fixture
def dataset(tmp_path, monkeypatch, plain_config, save_nifti, save_yaml) -> Dataset:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    return Dataset(tmp_path / "data", plain_config, save_nifti, save_yaml)


def splits(cases: dict[str, Case]) -> dict[str, str]:
    return {case.id: case.split for case in cases.values()}


def test_splits_are_drawn_by_patient(dataset, monkeypatch, capsys):
    names = [f"scan{number:02d}" for number in range(20)]
    dataset.add(*names)
    dataset.config["cases"] = {
        "split_shares": {"train": 0.5, "validation": 0.1, "calibration": 0.1, "test": 0.3},
        "patient_of": {name: f"patient{number // 2}" for number, name in enumerate(names)},
    }
    cases = dataset.cases(monkeypatch)
    assert list(cases) == names
    of_patient = {case.patient: case.split for case in cases.values()}
    assert sorted(of_patient.values()) == sorted(["train"] * 5 + ["validation"] + ["calibration"] + ["test"] * 3)
    assert all(case.split == of_patient[case.patient] for case in cases.values())
    assert (cases["scan03"].image, cases["scan03"].label) == (
        "imagesTr/scan03.nii.gz",
        "labelsTr/scan03.nii.gz",
    )
    assert "20 cases (10 train, 2 validation, 2 calibration, 6 test)" in capsys.readouterr().out

    dataset.manifest.unlink()
    assert dataset.cases(monkeypatch) == cases, "the same seed draws the same"
    dataset.manifest.unlink()
    dataset.config["seed"] = 1
    assert splits(dataset.cases(monkeypatch)) != splits(cases), "another seed draws differently"


def test_splits_that_are_given(dataset, monkeypatch):
    dataset.add("a", "b", "c", "d")
    dataset.config["cases"] = {
        "patient_of": {"b": "pair", "c": "pair"},
        "split_of": {"a": "test", "pair": "validation"},
    }
    cases = dataset.cases(monkeypatch)
    assert splits(cases) == {"a": "test", "b": "validation", "c": "validation", "d": "train"}
    assert [case.patient for case in cases.values()] == ["a", "pair", "pair", "d"]


@pytest.mark.parametrize("key", ["split_of", "patient_of"])
def test_a_given_name_that_is_not_there(dataset, monkeypatch, key):
    dataset.add("a", "b", "c", "d")
    dataset.config["cases"] = {key: {"e": "test"}}
    text = dataset.refused(monkeypatch)
    assert f"cases.{key}: there is no 'e' in the dataset" in text
    assert "a, b, c, d" in text


def test_new_cases_move_nobody(dataset, monkeypatch):
    dataset.add(*[f"m{number}" for number in range(9)])
    before = splits(dataset.cases(monkeypatch))
    for number in range(12):
        dataset.add(f"{'az'[number % 2]}{number}")
        now = splits(dataset.cases(monkeypatch))
        assert now.items() >= before.items()
        before = now
    assert len(before) == 21
    assert {split: list(before.values()).count(split) for split in ("train", "test")} == {
        "train": 15,
        "test": 4,
    }, "new patients fill the splits that lack most"


def test_splits_and_patients_edited_by_hand_stay(dataset, monkeypatch):
    dataset.add(*"abcdef")
    cases = dataset.cases(monkeypatch)
    edited = {
        case.id: Case(**vars(case) | {"split": "calibration", "patient": "twin"})
        if case.id in "ab"
        else Case(**vars(case) | {"split": "test" if case.id == "c" else "train"})
        for case in cases.values()
    }
    write_manifest(dataset.manifest, edited.values())
    dataset.add("g")
    assert dataset.cases(monkeypatch).items() >= edited.items()


def test_columns_that_a_user_added_stay(dataset, monkeypatch):
    dataset.add("a", "b", "c", "d")
    dataset.cases(monkeypatch)
    first, *rows = dataset.manifest.read_text().splitlines()
    dataset.manifest.write_text("\n".join([f"{first}\tsex", *(f"{row}\tF" for row in rows)]), encoding="utf-8")
    dataset.add("e")
    cases = dataset.cases(monkeypatch)
    assert {case.id: dict(case.subgroups)["sex"] for case in cases.values()} == dict.fromkeys("abcd", "F") | {"e": ""}


def test_a_new_scan_of_a_known_patient_joins_the_split(dataset, monkeypatch):
    dataset.add(*"abcdef")
    before = dataset.cases(monkeypatch)
    for patient, case in before.items():
        dataset.add(f"{patient}-again")
        dataset.config.setdefault("cases", {}).setdefault("patient_of", {})[f"{patient}-again"] = case.patient
    cases = dataset.cases(monkeypatch)
    assert all(cases[f"{patient}-again"].split == case.split for patient, case in before.items())


def test_a_case_that_is_gone_is_named(dataset, monkeypatch, capsys):
    dataset.add(*"abcdef")
    before = dataset.cases(monkeypatch)
    gone = next(case.id for case in before.values() if case.split == "train")
    dataset.training[:] = [one for one in dataset.training if f"/{gone}." not in one["image"]]
    capsys.readouterr()
    assert gone not in dataset.cases(monkeypatch)
    assert f"taken out: {gone}" in capsys.readouterr().out


def test_cases_without_the_target_are_left_out_by_name(dataset, monkeypatch, capsys):
    dataset.add("a", "b", "c", "d", values=(1, 3))
    dataset.add("empty", values=())
    dataset.add("spleen-only", values=(3,))
    dataset.config["cases"] = {"split_of": {"spleen-only": "test"}}
    cases = dataset.cases(monkeypatch)
    assert list(cases) == ["a", "b", "c", "d"]
    assert {case.structures for case in cases.values()} == {"liver=1;spleen=3"}
    assert sorted(splits(cases).values()) == ["test", "train", "train", "train"], "they fill no split"
    out = capsys.readouterr().out
    assert "left out: empty: liver is not annotated" in out
    assert "left out: spleen-only: liver is not annotated" in out


def test_a_class_merged_of_several_labels(dataset, monkeypatch):
    dataset.config["classes"] = {"liver": ["liver", "tumour"], "spleen": ["spleen"]}
    dataset.add("a", values=(1, 2, 3))
    dataset.add("b", values=(2, 3))
    dataset.add("c", "d", values=(1, 3))
    dataset.add("e", values=(1, 2))
    cases = dataset.cases(monkeypatch)
    assert list(cases) == ["a", "b", "c", "d"], "e lacks the spleen"
    assert cases["a"].label_values() == {"liver": 1, "tumour": 2, "spleen": 3}
    assert cases["b"].label_values() == {"tumour": 2, "spleen": 3}


def test_unsafe_names_are_mapped_and_kept(dataset, monkeypatch):
    names = ["Müller, Jürgen 1", "Müller, Jürgen 2", "Möller, Jörgen 1", "-x", "plain.1"]
    dataset.add(*names)
    dataset.config["cases"] = {"patient_of": {names[0]: "jm", names[1]: "jm"}}
    cases = dataset.cases(monkeypatch)
    assert len(cases) == 5
    assert all(ID_PATTERN.fullmatch(case) for case in cases)
    originals = {case.original: case for case in cases.values()}
    assert set(originals) == {*names[:4], ""}
    assert originals[""].id == "plain.1"
    assert originals[names[0]].image == f"imagesTr/{names[0]}.nii.gz"
    assert originals[names[0]].patient == originals[names[1]].patient == "jm"
    assert dataset.cases(monkeypatch) == cases, "the ids are the same each time"


def test_a_dataset_of_links_is_read(dataset, monkeypatch, tmp_path):
    dataset.add(*"abcd")
    (tmp_path / "data/imagesTr").rename(tmp_path / "elsewhere")
    (tmp_path / "data/imagesTr").symlink_to(tmp_path / "elsewhere")
    assert list(dataset.cases(monkeypatch)) == list("abcd")


def test_settings_that_would_move_a_known_case_are_refused(dataset, monkeypatch):
    dataset.add(*"abcd")
    before = dataset.cases(monkeypatch)
    (one,) = (case.id for case in before.values() if case.split == "test")
    for key, value in (("split_of", {one: "train"}), ("patient_of", dict.fromkeys("abcd", "p"))):
        dataset.config["cases"] = {key: value}
        assert "Change the split in the manifest by hand" in dataset.refused(monkeypatch)
        assert {case.id: case for case in read_manifest(dataset.manifest)} == before


def test_a_mistyped_label_name_lists_those_there_are(dataset, monkeypatch):
    dataset.add(*"abcd")
    dataset.config["classes"] = {key: ["livr"] for key in dataset.config["classes"]}
    assert "the dataset has: liver" in dataset.refused(monkeypatch)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda d: (d.folder / "labelsTr/b.nii.gz").unlink(), "case b: .*labelsTr/b.nii.gz does not exist"),
        (lambda d: d.training[1].update(image="../b.nii.gz"), "case b: .*'../b.nii.gz' lies outside"),
        (lambda d: d.training[1].update(label="/data/b.nii.gz"), "case b: .*'/data/b.nii.gz' lies outside"),
        (lambda d: d.add("b", where="more/"), "case b: .*name of another one"),
        (lambda d: d.add("B", where="more/"), "case B: .*name of another one"),
        (lambda d: d.training.append({"image": "x"}), "has no `image` and `label`"),
        (lambda d: d.training.append("imagesTr/x.nii.gz"), "has no `image` and `label`"),
        (lambda d: d.content.update(training=[]), "no list `training`"),
        (lambda d: d.content.pop("labels"), "no table `labels`"),
        (lambda d: d.content.update(labels={"liver": 1}), "key of `labels` is not a whole number"),
        (lambda d: d.content.update(labels={"1": "liver", "2": "liver"}), "two keys of `labels` have the same name"),
        (lambda d: d.content.update(labels={"1": "liver;left"}), "label name 'liver;left'"),
    ],
)  # fmt: skip
def test_bad_dataset_json(dataset, monkeypatch, change, what):
    dataset.add(*"abcd")
    change(dataset)
    with pytest.raises(SystemExit, match=what) as raised:
        dataset.cases(monkeypatch)
    assert "dataset.json" in str(raised.value)
    assert not dataset.manifest.exists()


def test_no_dataset_json(dataset, monkeypatch):
    dataset.config["dataset"] = "nowhere"
    assert "nowhere/dataset.json: the file does not exist" in dataset.refused(monkeypatch)


def test_dataset_json_that_is_no_json(dataset, monkeypatch):
    path = dataset.write()
    (dataset.folder / "dataset.json").write_text('{"labels": ', encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["unoise", "cases", "--configfile", str(path)])
    with pytest.raises(SystemExit, match="it is not JSON"):
        cli.main()


def test_a_label_cut_short_names_the_case(dataset, monkeypatch):
    dataset.add(*"abcd")
    path = dataset.folder / "labelsTr/c.nii.gz"
    path.write_bytes(path.read_bytes()[:-20])
    text = dataset.refused(monkeypatch)
    assert "case c: " in text
    assert "cut short" in text


def test_a_split_left_empty_is_told_and_nothing_is_written(dataset, monkeypatch, capsys):
    dataset.add("a", "b")
    dataset.add("c", values=(3,))
    dataset.config["cases"] = {"split_of": {"a": "train", "b": "train"}}
    assert "no case is in the split 'test'" in dataset.refused(monkeypatch)
    assert "left out: c" in capsys.readouterr().out, "the user sees why there are so few"
    assert not dataset.manifest.exists()


def test_the_phantoms_need_no_dataset(dataset, monkeypatch):
    dataset.config |= {"phantom": {"patients": 5}, "classes": {"liver": ["pancreas"]}, "dataset": "later"}
    cases = dataset.cases(monkeypatch)
    assert list(cases) == [f"phantom_{number:03d}" for number in range(5)]
    assert all("pancreas" in case.label_values() for case in cases.values())


def test_the_command_fails_by_one_line_and_exit_code_1(dataset):
    dataset.add(*"abcd")
    (dataset.folder / "imagesTr/b.nii.gz").unlink()
    run = subprocess.run(
        [Path(sys.executable).with_name("unoise"), "cases", "--configfile", dataset.write()],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1
    assert run.stderr.startswith("unoise: case b: ")
    assert "imagesTr/b.nii.gz" in run.stderr
    assert not dataset.manifest.exists()


def test_slices_are_divided_where_the_config_says_so(dataset, monkeypatch, capsys):
    for name in ("b", "a", "c"):
        dataset.add(name, values=(1,) * 33)
    dataset.config["cases"] = {"by_slice": True, "first_slices": 9, "split_shares": {"train": 0.6, "test": 0.4}}
    cases = dataset.cases(monkeypatch)
    # 33 voxels in the order of the array: 4 slices show the class; b is first in the dataset
    assert {name: (case.split, case.slices) for name, case in cases.items()} == {
        "b": ("train", "0:4"),
        "a.train": ("train", "0:1"),
        "a.test": ("test", "1:4"),
        "c": ("test", "0:1"),
    }
    assert {case.patient for case in cases.values()} == {"a", "b", "c"}
    assert "left out" not in capsys.readouterr().out


def test_slices_of_scans_without_the_target_are_counted(dataset, monkeypatch):
    dataset.add("empty", values=(3,))
    dataset.add("b", "a", values=(1,) * 33)
    dataset.config["cases"] = {"by_slice": True, "first_slices": 9, "split_shares": {"train": 0.6, "test": 0.4}}
    cases = dataset.cases(monkeypatch)
    assert {name: case.slices for name, case in cases.items()} == {"b.train": "0:3", "b.test": "3:4", "a": "0:1"}
    dataset.config["cases"]["first_slices"] = 3
    assert "none of the first 3 slices of the dataset shows a class" in dataset.refused(monkeypatch)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"by_slice": True, "split_of": {"a": "test"}}, "cases.split_of: with by_slice no patient has a split"),
        ({"first_slices": 5000}, "cases.first_slices: it means nothing without by_slice"),
    ],
)
def test_settings_that_would_mean_nothing_are_refused(dataset, monkeypatch, own, said):
    dataset.add("a", "b")
    dataset.config["cases"] = own
    assert said in dataset.refused(monkeypatch)
