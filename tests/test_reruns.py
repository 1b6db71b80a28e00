"""What runs again after which change: each row of docs/reruns.md."""

import re
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from reruns import Run

from unoise.workflow import sources
from unoise.workflow.digest import code_digest

TESTS = Path(__file__).parent
TABLE = TESTS.parent / "docs" / "reruns.md"
SPLITS = {"a1": "train", "a2": "train", "v1": "validation", "k1": "calibration", "t1": "test", "t2": "test"}
SCAN, LABEL = "data/imagesTr/{}.nii.gz", "data/labelsTr/{}.nii.gz"
LARGE = 1_100_000  # bytes, more than Snakemake compares by content
OLD = 1_000_000_000  # s, long before any run
MODULES = [
    ".".join(["unoise", *path.relative_to(sources.PACKAGE).with_suffix("").parts])
    for path in sources.PACKAGE.rglob("*.py")
    if path.stem != "__init__"
]


def setting(*place: str, to: object):
    return lambda run: run.change(*place, to=to)


def same_settings(run: Run) -> None:
    """Sections and settings in another order, a default written out."""
    run.change("segmenter", to=dict(reversed({**run.config["segmenter"], "training": {"epochs": 20}}.items())))
    run.write("config/config.yaml", yaml.safe_dump(dict(reversed(run.config.items())), sort_keys=False))


def another_name(run: Run) -> None:
    cases = run.manifest
    run.change("experiment", to="another")
    cases.rename(run.manifest)


def moved_dataset(run: Run) -> None:
    (run.folder / "data").rename(run.folder / "moved")
    run.change("dataset", to="moved")


def phantoms(run: Run) -> None:
    run.change("phantom", to={"patients": len(SPLITS), "seed": 7})
    run.finish()
    run.change("phantom", "seed", to=8)


def a_border(run: Run) -> None:
    """Probe and published evaluation take no border."""
    run.change("probe", to={})
    run.change("paper_protocols", to={})
    run.finish()
    run.change("targets", "rim", to={"kind": "border", "class": "pancreas", "outer_mm": 3})


def older_scan(run: Run) -> None:
    run.write(SCAN.format("t1"), "another scan")
    run.date(SCAN.format("t1"), OLD)


def lost_records(run: Run) -> None:
    (run.folder / ".snakemake").rename(run.folder / "records")
    run.change("explainers", "occlusion", "stride", to=4)


CHANGES = {
    # The config
    "the order of settings, and a default written out": same_settings,
    "`experiment`: another name": another_name,
    "`seed`": setting("seed", to=8),
    "`dataset`: the same files in another place": moved_dataset,
    "`phantom.seed`": phantoms,
    "`cases.split_shares`, without `unoise cases`": setting("cases", "split_shares", to={"train": 0.5, "test": 0.5}),
    "`classes`: a label more": setting("classes", "pancreas", to=["pancreas", "tumour"]),
    "`targets`: a border more": a_border,
    "`preprocess.window`": setting("preprocess", "window", to=[-100, 200]),
    "`segmenter.training.epochs`": setting("segmenter", "training", "epochs", to=3),
    "`judges.other.seed`": setting("judges", "other", "seed", to=12),
    "`interpreters.visibility.training.epochs`": setting("interpreters", "visibility", "training", "epochs", to=3),
    "`explainers.occlusion.stride`": setting("explainers", "occlusion", "stride", to=4),
    "`explainers`: one more, `control-edges`": setting("explainers", "control-edges", to={"method": "edges"}),
    "`explainers`: one more, `expected`, which is given what no other is": setting(
        "explainers", "expected", to={"method": "expected_gradients"}
    ),
    "`evaluation.obscurers`": setting("evaluation", "obscurers", "blur", to={}),
    "`evaluation.leak_visibilities`": setting("evaluation", "leak_visibilities", to=[0.05]),
    "`evaluation.min_voxels`": setting("evaluation", "min_voxels", to=30),
    "`evaluation.resamples`": setting("evaluation", "resamples", to=300),
    "`contests.explainers`": setting("contests", "explainers", to=["u-noise", "occlusion"]),
    "`guarantee.tolerance`": setting("guarantee", "tolerance", to=0.2),
    "`guarantee.explainers`: one more, `occlusion`": setting("guarantee", "explainers", to=["u-noise", "occlusion"]),
    "`paper_protocols.published.threshold`": setting("paper_protocols", "published", "threshold", to="slice"),
    "`noise.largest_hu`": setting("noise", "largest_hu", to=300),
    "`probe.visibilities`": setting("probe", "visibilities", to=[0.05]),
    "`probe.explainers`: one more, `u-noise`": setting("probe", "explainers", to=["occlusion", "u-noise"]),
    "`stability.seeds`: one more": setting("stability", "seeds", to=[1, 2]),
    "`faithfulness.perturbations`": setting("faithfulness", "perturbations", to=8),
    "`regions.near_mm`": setting("regions", "near_mm", to=20),
    "`regions.explainers`: one more, `u-noise`": setting("regions", "explainers", to=["occlusion", "u-noise"]),
    "`forbidden.largest_necessity`": setting("forbidden", "largest_necessity", to=0.1),
    "`truth.explainer`: another": setting("truth", "explainer", to="control-atlas"),
    "`sanity.units`": setting("sanity", "units", to=1),
    "`sanity.explainers`: one more, `u-noise`": setting("sanity", "explainers", to=["occlusion", "u-noise"]),
    "`leave_out.explainers`: `occlusion`": setting("leave_out", to={"explainers": {"occlusion": "too slow"}}),
    "`compute`: device, precision, threads": setting(
        "compute",
        to={"device": "auto", "precision": "float32", "training_threads": 4, "case_threads": 2, "cases_per_job": 1},
    ),
    "`compute.cases_per_job`": setting("compute", "cases_per_job", to=8),
    # The data
    "the scan of `t1`": lambda run: run.write(SCAN.format("t1"), "another scan"),
    "the scan of `t1`, by a file of an older date": older_scan,
    "the label of `t1`": lambda run: run.write(LABEL.format("t1"), "another label"),
    "the label of `a1`": lambda run: run.write(LABEL.format("a1"), "another label"),
    "the map of `t1` made elsewhere": lambda run: run.write("maps/t1.nii.gz", "another map"),
    "a case for testing more, `t3`": lambda run: run.add({"t3": "test"}),
    "a case for training more, `a3`": lambda run: run.add({"a3": "train"}),
    "a case less, `k1`": lambda run: run.remove("k1"),
    "a file of the results lost: the map of `t1` by occlusion": lambda run: next(
        run.folder.glob("results/*/importance/*/*/occlusion/t1.nii.gz")
    ).unlink(),
    # The code
    "the code of the explainer occlusion": lambda run: run.edit("explainers/occlusion"),
    "the code of the obscurer noise": lambda run: run.edit("obscurers/noise"),
    "the code of the objective visibility": lambda run: run.edit("training/objectives/visibility"),
    "the code of the ranking": lambda run: run.edit("statistics/ranking"),
    "the code that all share, `data/volumes.py`": lambda run: run.edit("data/volumes"),
    "a comment in it": lambda run: run.edit("data/volumes", "\n# A comment.\n"),
    "the script of a rule, `evaluate.py`": lambda run: run.edit_script("evaluate"),
    "a comment in it or its date": lambda run: run.edit_script("evaluate", "\n# A comment.\n"),
    # Dates, libraries, machines
    "the date of a scan up to 1 MB": lambda run: run.date(SCAN.format("t1")),
    "the date of a larger scan, of `t2`": lambda run: run.date(SCAN.format("t2")),
    "the version of torch": lambda run: run.libraries.update(torch="99.0"),
    "the version of matplotlib": lambda run: run.libraries.update(matplotlib="99.0"),
    "torch of the same version, built for another device": lambda run: run.libraries.update(
        torch=f"{version('torch').partition('+')[0]}+cu999"
    ),
    "`--cores`": lambda run: setattr(run, "cores", 8),
    "the machine: the folder copied, dates and `.snakemake/` too": lambda run: None,
    "the machine: `.snakemake/` left behind, and a setting changed": lost_records,
}


def rows(table: int) -> dict[str, str]:
    """The rows of one of the tables in docs/reruns.md, first column to second."""
    blocks = [block for block in TABLE.read_text(encoding="utf-8").split("\n\n") if block.startswith("|")]
    lines = [line.strip("| ").split(" | ") for line in blocks[table].splitlines()[2:]]
    return dict(lines)


def chosen(text: str, jobs: set[str]) -> set[str]:
    """The jobs that a cell of the table names."""
    text, _, left_out = text.partition(" but ")
    names = re.findall(r"`(.*?)`", text) + [
        name for group in re.findall(r"\*\*(.*?)\*\*", text) for name in re.findall(r"`(.*?)`", rows(0)[group])
    ]
    names = ["*"] if text == "everything" else names
    found = {job for job in jobs if any(fits(job, name) for name in names)}
    return found - (chosen(left_out, jobs) if left_out else set())


def fits(job: str, name: str) -> bool:
    rule, *whose = name.split()
    return fnmatchcase(job.split()[0], rule) and set(whose) <= set(job.split()[1:])


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Run:
    code_digest(*MODULES)  # remembered, and so known to all processes that plan a run
    run = Run.new(tmp_path_factory.mktemp("reruns") / "run", TESTS / "configs" / "reruns.yaml", SPLITS)
    run.write(SCAN.format("t2"), "x" * LARGE)
    run.finish()
    run.jobs = run.every()
    return run


def test_the_table_has_a_row_for_every_change():
    assert list(rows(1)) == list(CHANGES)


def test_every_section_of_the_config_has_a_row():
    schema = yaml.safe_load((sources.PACKAGE / "workflow" / "config" / "schema.yaml").read_text(encoding="utf-8"))
    assert set(schema["properties"]) <= {re.split(r"\W", row)[1] for row in CHANGES}


@pytest.mark.parametrize("change", CHANGES)
def test_exactly_what_the_table_says_runs_again(change, finished, tmp_path):
    run = finished.copy(tmp_path / "run")
    CHANGES[change](run)
    planned = run.planned()
    assert planned == chosen(rows(1)[change], finished.jobs | planned)
