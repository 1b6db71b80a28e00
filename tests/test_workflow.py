"""The whole workflow in miniature, as a user runs it: from nothing, again, after changes, with a broken case."""

import re
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import yaml
from project import Project
from scipy.special import expit

MINIATURE = Path(__file__).parent / "configs" / "miniature.yaml"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"), MINIATURE)
    project.cases()
    manifest = project.folder / "config" / "cases" / "miniature.tsv"
    first, *rows = manifest.read_text().splitlines()
    manifest.write_text("\n".join([f"{first}\tscanner", *(f"{row}\tA|{n % 2}" for n, row in enumerate(rows))]))
    done = project.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    project.output = done.stdout + done.stderr
    return project


@pytest.fixture
def project(finished):
    """The finished run, with its config and its manifest put back afterwards."""
    manifest = finished.folder / "config" / "cases" / "miniature.tsv"
    config, cases = finished.config, manifest.read_text()
    yield finished
    finished.write_config(config)
    manifest.write_text(cases)


def test_every_promised_file_is_there_and_fits_its_schema(finished):
    root = finished.folder / "results" / "miniature"
    explainers = set(finished.config["explainers"])
    assert len(finished.read("cases.parquet")) == 6
    segmentation = finished.read("tables/segmentation.parquet")
    for name, patients in (("segmenter", 6), ("tolerant", 3), ("other", 3)):
        assert segmentation[segmentation.model.str.startswith(f"{name}-")].case.nunique() == patients
    curves = finished.read("tables/curves.parquet")
    assert set(curves.judge) == {"original", "tolerant", "other"}
    assert set(curves.explainer) == explainers
    assert set(curves.obscurer) == set(finished.config["evaluation"]["obscurers"])
    assert set(curves[curves.split == "validation"].explainer) == {
        "control-random",
        "control-distance",
        "control-atlas",
    }
    whole = curves[curves.visibility == 1].agreement.dropna()
    np.testing.assert_allclose(whole, 1)
    ranking = finished.read("tables/ranking.parquet")
    assert (ranking.groupby("judge").size().loc[["original", "tolerant"]] == len(explainers) * 5 * 2).all()
    contests = finished.read("tables/contests.parquet")
    assert (contests.groupby("judge").size().loc[["original", "tolerant"]] == (len(explainers) - 1) * 5).all()
    assert contests.p.isna().all(), "two test patients are too few"
    for table in (ranking, contests):
        assert set(table[(table.explainer == "u-noise") & table.seen.eq(True)].obscurer) == {"zero", "mean", "noise"}
    assert set(ranking[(ranking.explainer == "u-noise-paper-small") & ranking.seen.eq(True)].obscurer) == {"noise"}
    assert ranking[ranking.explainer.isin(["occlusion", "control-random"])].seen.isna().all()
    assert set(curves.split) == {"validation", "test"}, "calibration patients are kept apart"
    leak = finished.read("tables/leak.parquet")
    assert len(leak) == len(explainers) * 3 * 2 * 4 * 2, "judges, contents, visibilities, patients"
    measured = leak[leak.judge == "original"].leak
    assert measured.notna().all()
    assert measured.abs().max() <= 1
    assert measured.nunique() > 1
    assert ranking.p.isna().all()
    scores = finished.read("tables/scores.parquet")
    assert set(scores.explainer) == set(explainers)
    own = scores[scores.judge == "original"].set_index(["explainer", "obscurer", "score"])["mean"]
    areas = ranking[(ranking.judge == "original") & (ranking.order == "kept_first")]
    for row in areas.itertuples():
        assert own[row.explainer, row.obscurer, "kept_first_area"] == pytest.approx(row.area)
    perturbed = scores[scores.score.isin(["infidelity", "sensitivity"])]
    assert set(perturbed.explainer) == {"u-noise", "control-distance", "control-atlas"}
    assert (perturbed["mean"] >= 0).all()
    assert scores[scores.score == "leak"].obscurer.isna().all()
    costs = finished.read("tables/costs.parquet")
    assert set(costs.stage) == {"train", "explain"}
    assert (costs[costs.explainer == "control-random"].forwards == 0).all()
    for name in (
        "summary.md",
        "estimate.txt",
        "provenance.json",
        "figures/pancreas/panel.png",
        "figures/pancreas/agreement.png",
        "figures/pancreas/agreement_tolerant.png",
        "figures/pancreas/critical_difference.png",
        "figures/pancreas/agreement_other.png",
    ):
        assert (root / name).stat().st_size > 200
    assert not list(root.rglob(".tmp-*"))


def test_maps_lie_on_the_preprocessed_image(finished):
    root = finished.folder / "results" / "miniature"
    maps = sorted((root / "importance").rglob("*.nii.gz"))
    learned = [path for path in maps if path.parent.name == "u-noise-paper-small"]
    assert len(learned) == 6
    for path in maps:
        image = nib.load(root / "preprocessed" / path.name.removesuffix(".nii.gz") / "image.nii.gz")
        explained = nib.load(path)
        np.testing.assert_allclose(explained.affine, image.affine)
        assert explained.shape == image.shape
        assert explained.get_data_dtype() == np.float32
        assert b"slice" in explained.header["descrip"].item()
        assert np.isfinite(explained.get_fdata()).all()
    scale = nib.load(str(learned[0]).replace("/importance/", "/noise_scale/")).get_fdata()
    np.testing.assert_allclose(expit(-nib.load(learned[0]).get_fdata()), scale, atol=1e-6)


def test_the_noise_that_voxels_bear_is_a_volume_in_hu_and_measured(finished):
    root = finished.folder / "results" / "miniature"
    scales = sorted(root.glob("noise_scale/*/pancreas/u-noise/*.nii.gz"))
    assert len(scales) == len(finished.read("cases.parquet"))
    for path in scales:
        sigma = nib.load(path).get_fdata()
        assert ((sigma == 0) | ((sigma >= 5) & (sigma <= 400.001))).all()
        image = nib.load(root / "preprocessed" / path.name.removesuffix(".nii.gz") / "image.nii.gz")
        np.testing.assert_allclose(nib.load(path).affine, image.affine)
    joint = finished.read("tables/noise.parquet")
    assert joint.factor.is_monotonic_increasing
    assert joint.agreement.iloc[0] >= joint.agreement.iloc[-1]
    assert finished.read("tables/noise_bins.parquet").bin.tolist() == list(range(1, 11))
    assert "N(0, (s·σ(x))²)" in (root / "summary.md").read_text()


def test_one_calibration_patient_promises_nothing_and_is_seen_by_the_guarantee_alone(finished):
    guarantee = finished.read("tables/guarantee.parquet")
    assert len(guarantee) == 3 * 5, "judges, obscurers"
    assert (guarantee.explainer == "u-noise").all()
    assert guarantee.visibility.isna().all()
    assert (guarantee[guarantee.judge == "original"].patients == 1).all()
    assert "too few patients (1, needed 9)" in (finished.results / "summary.md").read_text()
    cases = finished.read("cases.parquet")
    (calibration,) = cases[cases.split == "calibration"].case.unique()
    evaluated = finished.results.glob(f"metrics/*/*/*/{calibration}.parquet")
    assert {path.parent.name for path in evaluated} == {"u-noise"}


def test_regions_are_hidden_and_looked_at_and_subgroups_scored(finished):
    necessity = finished.read("tables/region_necessity.parquet")
    assert set(necessity.region) == {
        *("pancreas", "spine", "inside", "border", "near", "far", "outside-body", "table", "text")
    }
    shown = necessity.dropna(subset="agreement")
    assert shown.agreement.between(0, 1).all()
    assert necessity[necessity.region == "text"].necessity.isna().all()
    assert necessity[necessity.region == "table"].share.between(0.001, 0.1).all()
    mass = finished.read("tables/region_mass.parquet")
    assert set(mass.explainer) == {"u-noise", "control-distance"}
    bands = mass[(mass.kind == "distance") & (mass.explainer == "control-distance")].dropna(subset="share")
    np.testing.assert_allclose(bands.groupby(["patient", "visibility"]).mass.sum(), 1)
    subgroups = finished.read("tables/subgroups.parquet")
    assert set(subgroups.value) <= {"A|0", "A|1"}
    summary = (finished.results / "summary.md").read_text()
    assert "A\\|" in summary
    for heading in ("Regions", "Forbidden regions", "Subgroups"):
        assert f"\n## {heading}\n" in summary
    assert (finished.results / "figures/pancreas/regions.png").stat().st_size > 200
    audited = finished.call("unoise", "audit")
    assert audited.returncode == 0, audited.stdout + audited.stderr
    assert "not there pancreas: text" in audited.stdout


def test_a_probe_saw_masks_alone_and_the_summary_says_what_it_found(finished):
    probe = finished.read("tables/probe.parquet")
    assert set(probe.explainer) == {"control-distance"}
    assert set(probe.patient) == set(finished.read("tables/leak.parquet").patient)
    assert probe.dice.between(0, 1).all()
    assert probe.dice_other.isna().all(), "of two test patients none lends a mask that was not learned from"
    summary = (finished.results / "summary.md").read_text()
    assert "## Show or tell" in summary
    assert f"{probe.dice.mean():.2f} (-)" in summary


def test_an_interpreter_trained_again_is_compared_and_takes_part_in_nothing_else(finished):
    stability = finished.read("tables/stability.parquet")
    assert set(zip(stability.explainer, stability.seed, stability.other_seed, strict=True)) == {("u-noise", 7, 1)}
    assert stability.rank_correlation.between(-1, 1).all()
    assert stability.rank_correlation.max() < 1, "another seed gives another map"
    trained = {path.name for path in (finished.results / "models").glob("visibility-*")}
    assert len(trained) == 4, "its own, that of the other seed, and two for the sanity check"
    costs = finished.read("tables/costs.parquet")
    assert len(trained & set(costs.model)) == 1
    assert "| grad-cam " in (finished.results / "summary.md").read_text().split("## Stability")[1].split("\n## ")[0]


def test_maps_are_asked_whether_they_care_and_the_models_for_it_take_part_in_nothing_else(finished):
    sanity = finished.read("tables/sanity.parquet")
    stages = sanity.groupby("explainer").apply(lambda rows: sorted(set(rows.stage.dropna())), include_groups=False)
    assert stages.to_dict() == {"u-noise": [2], "grad-cam": [0, 1, 2], "control-distance": [0, 1, 2]}
    assert set(sanity[sanity.check == "permuted"].explainer) == set(stages.index)
    same = sanity[(sanity.stage == 0) | (sanity.explainer == "control-distance")]
    np.testing.assert_allclose(same.rank_correlation, 1, atol=1e-6)
    assert sanity[sanity.explainer == "grad-cam"].rank_correlation.min() < 0.5
    models = {name: next((finished.results / "models").glob(f"{name}-*")) for name in ("randomised", "permuted")}
    assert all((folder / "card.json").is_file() for folder in models.values())
    assert not {folder.name for folder in models.values()} & set(finished.read("tables/costs.parquet").model)
    summary = (finished.results / "summary.md").read_text().split("## Sanity")[1].split("\n## ")[0]
    assert re.search(r"control-distance .*does not care", summary)
    assert "sanity.png" in (finished.results / "summary.md").read_text()


def test_the_terminal_shows_progress_and_an_estimate_but_no_listing_of_rules(finished):
    assert "Estimate of the whole of miniature on this machine" in finished.output
    assert re.search(r"epoch 12 of 12: loss \d", finished.output)
    assert "steps (100%) done" in finished.output
    assert "wildcards:" not in finished.output


def test_a_second_run_has_nothing_to_do(finished):
    assert not finished.planned()


def test_maps_made_elsewhere_are_scored_and_a_missing_or_changed_one_runs_alone(project):
    """The maps of occlusion, as if somebody else had made them."""
    made = sorted(project.results.glob("importance/*/pancreas/occlusion/*.nii.gz"))
    folder = project.folder / "maps"
    folder.mkdir()
    late, early = made

    def what_became() -> set[tuple[str, str]]:
        logs = (project.results / "logs/explain/pancreas/theirs").glob("*.log")
        return set(re.findall(r"(\S+): (kept|done)", "".join(path.read_text() for path in logs)))

    shutil.copy(early, folder)
    config = yaml.safe_load(MINIATURE.read_text())
    config["explainers"] |= {"theirs": {"method": "external", "folder": "maps"}}
    project.write_config(config)
    done = project.snakemake("explanations")
    case, output = late.name.removesuffix(".nii.gz"), done.stdout + done.stderr
    assert done.returncode != 0
    assert re.search(
        rf"1 of 2 cases failed: case {case}: maps/{late.name}: the map does not exist\. Put the map", output
    )
    assert "Traceback" not in output
    shutil.copy(late, folder)
    done = project.snakemake("explanations")
    assert done.returncode == 0, done.stderr
    assert what_became() == {(early.name.removesuffix(".nii.gz"), "kept"), (case, "done")}
    for path in made:
        theirs = Path(str(path).replace("/occlusion/", "/theirs/"))
        np.testing.assert_array_equal(nib.load(theirs).get_fdata(), nib.load(path).get_fdata())
    changed = nib.load(early)
    nib.save(nib.Nifti1Image(-changed.get_fdata(dtype=np.float32), changed.affine), folder / early.name)
    assert "Explaining pancreas by theirs" in project.planned()
    assert project.snakemake("explanations").returncode == 0
    assert what_became() == {(early.name.removesuffix(".nii.gz"), "done"), (case, "kept")}


def test_a_new_case_is_computed_and_the_others_are_kept(project):
    """The new patient is drawn for testing, so that nothing has to be trained again."""
    before = {path: path.stat().st_ino for path in (project.folder / "results").rglob("store/*/**/*.nii.gz")}
    config = yaml.safe_load(MINIATURE.read_text())
    config["phantom"]["patients"] = 7
    config["cases"]["split_of"] = {"phantom_006": "test"}
    project.write_config(config)
    assert "7 cases" in project.cases()
    planned = project.planned()
    assert {one for one in planned if re.match("Training|Preprocessing|Making", one)} == {
        "Making phantom phantom_006",
        "Preprocessing phantom_006",
    }
    done = project.snakemake("evaluation")
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_ino for path in before if path.exists()} == before
    assert "phantom_006" in set(project.read("tables/curves.parquet").patient)


def test_a_broken_case_is_named_and_the_others_go_on(finished):
    folder = finished.folder / "own"
    shutil.copytree(finished.folder / "results" / "miniature" / "dataset", folder)
    config = yaml.safe_load(MINIATURE.read_text())
    del config["phantom"]
    config |= {"experiment": "own", "dataset": str(folder)}
    (finished.folder / "config" / "own.yaml").write_text(yaml.safe_dump(config))
    assert finished.call("unoise", "cases", "--configfile", "config/own.yaml").returncode == 0
    image = folder / "imagesTr" / "phantom_003.nii.gz"
    whole = image.read_bytes()
    image.write_bytes(whole[:20_000])
    run = ("preprocessed", "--configfile", "config/own.yaml")
    done = finished.snakemake(*run)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert re.search(r"case phantom_003: .*phantom_003\.nii\.gz: .*cut short", output)
    assert "Traceback" not in output
    made = {
        path.name for path in (finished.folder / "results" / "own" / "preprocessed").iterdir() if any(path.iterdir())
    }
    assert made == {f"phantom_00{number}" for number in (0, 1, 2, 4, 5)}
    image.write_bytes(whole)
    done = finished.snakemake(*run)
    assert done.returncode == 0
    assert "2 of 2 steps" in done.stdout + done.stderr
    image.unlink()
    done = finished.snakemake(*run)
    assert done.returncode != 0
    assert "case phantom_003" in done.stdout + done.stderr


def test_more_phantoms_than_the_manifest_lists_name_the_command(project):
    config = yaml.safe_load(MINIATURE.read_text())
    config["phantom"]["patients"] = 70
    project.write_config(config)
    done = project.snakemake("--dry-run")
    assert done.returncode != 0
    assert "the config asks for 70. Write it anew with `unoise cases" in done.stdout + done.stderr


def test_a_mistyped_key_stops_before_anything_runs(project):
    config = yaml.safe_load(MINIATURE.read_text())
    config["segmenter"]["training"]["epoch"] = 3
    project.write_config(config)
    done = project.snakemake("--dry-run")
    assert done.returncode != 0
    assert "segmenter.training: there is no setting 'epoch'. Did you mean 'epochs'" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("profile", ["workstation", "slurm"])
def test_profiles_plan_a_run(finished, profile):
    done = finished.call("snakemake", "--dry-run", "--forceall", "--profile", f"profiles/{profile}")
    assert done.returncode == 0, done.stderr
    assert "train_segmenter" in done.stdout + done.stderr
