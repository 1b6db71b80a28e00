"""The command `unoise`."""

import argparse
import shlex
import sys
from pathlib import Path

from unoise.errors import UserError
from unoise.files import whole_file
from unoise.workflow.case_plan import manifest_path
from unoise.workflow.config import read_config
from unoise.workflow.manifest import SPLITS, Case, keep_subgroups, read_manifest, write_manifest
from unoise.workflow.names import SEEN

PANCREAS = "Task07_Pancreas"


def main() -> None:
    """Run a subcommand; a user's mistake is one line on standard error and exit code 1."""
    parser = argparse.ArgumentParser(
        prog="unoise", description="Which parts of a scan did a segmentation network need?"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, function, text in [
        ("cases", cases, "write the manifest of an experiment: which cases there are, and in which split"),
        ("estimate", estimate, "say what a run will take on this machine and data"),
        ("check", check, "read all results again: are they as they were written? Exit code 1 if one is not"),
        ("where", where, "say where the results of an experiment lie"),
        ("audit", audit, "say which forbidden regions pass, from the tables of a run; exit code 1 if one does not"),
        ("rate", rate, "measure how many slices a second pass through the segmenter on this machine"),
    ]:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--configfile", type=Path, default=Path("config/config.yaml"), help="default: %(default)s")
        command.set_defaults(run=function)
    text = "fetch a task of the Medical Segmentation Decathlon; run again, it goes on where it stopped"
    command = commands.add_parser("download", help=text, description=text)
    command.add_argument("task", nargs="?", default=PANCREAS, help="default: %(default)s")
    command.add_argument("--to", type=Path, default=Path("data"), help="folder to put it in; default: %(default)s")
    command.add_argument("--url", help="address of another copy of the archive; needs --md5")
    command.add_argument("--md5", help="MD5 sum of the archive at --url")
    command.set_defaults(run=download)
    text = "set two experiments (or two models, by the names of their tables) side by side, on the patients they share"
    command = commands.add_parser("compare", help=text, description=text)
    command.add_argument("a", metavar="A", help="an experiment, its folder, or a model")
    command.add_argument("b", metavar="B", help="another one")
    command.add_argument("--out", type=Path, metavar="FILE", help="write the page there too")
    command.set_defaults(run=compare)
    arguments = vars(parser.parse_args())
    run = arguments.pop("run")
    try:
        run(**arguments)
    except UserError as error:
        sys.exit(f"unoise: {error}")


def cases(configfile: Path) -> None:
    """Write the manifest, beside the cases it has already; name the cases left out."""
    from unoise.data.cases import find_cases

    config = read_config(configfile)
    path = manifest_path(config, Path())
    known = read_manifest(path) if path.is_file() else []
    found, left_out = find_cases(config, known)
    gone = sorted({case.id for case in known} - {case.id for case in found})
    for sentence in left_out:
        print(f"left out: {sentence}")
    write_manifest(path, keep_subgroups(found, known))
    for case in gone:
        print(f"taken out: {case}: it is no longer a case of this dataset")
    print(f"{path}: {len(found)} cases ({_split_counts(found)})")


def estimate(configfile: Path) -> None:
    """Print the estimate."""
    from unoise.estimate import estimate_run
    from unoise.workflow.plan import Plan

    print(estimate_run(Plan(read_config(configfile), Path())))


def rate(configfile: Path) -> None:
    """Print the bare forward rate."""
    from unoise.estimate import forward_rate

    config = read_config(configfile)
    seen = SEEN[config["segmenter"]["network"]["spatial_dims"]]
    print(f"bare forward rate: {forward_rate(config):.0f} {seen}/s")


def check(configfile: Path) -> None:
    """Print which results are cut short, changed or foreign, and the commands that put them right."""
    from unoise.workflow.record import find_damage, repair

    root = f"results/{read_config(configfile)['experiment']}"
    count, damage = find_damage(root)
    if damage:
        print("\n".join([*(f"{one.path}: {one.what}" for one in damage), *repair(damage, configfile)]))
        sys.exit(1)
    print(f"{root}: all {count} files are as they were written")


def where(configfile: Path) -> None:
    """Print where to look."""
    root = f"results/{read_config(configfile)['experiment']}"
    print(f"Read {root}/summary.md first. Figures: {root}/figures/, tables: {root}/tables/, maps: {root}/importance/")


def audit(configfile: Path) -> None:
    """Print the verdict on each forbidden region; end with exit code 1 if one does not pass."""
    from unoise.report.audit import read_verdicts, verdict_lines
    from unoise.workflow.plan import Plan

    config = read_config(configfile)
    if not config["forbidden"]["regions"]:
        raise UserError("no region is forbidden", file=configfile, remedy="Name some under `forbidden: {regions: […]}`")
    plan = Plan(config, Path())
    tables = map(Path, plan.region_tables)
    judged = read_verdicts(config, *tables, plan.segmenter, set(plan.test_patients.values()))
    print("\n".join(verdict_lines(judged)))
    if not judged["passed"].all():
        sys.exit(1)


def compare(a: str, b: str, out: Path | None) -> None:
    """Print the comparison as Markdown."""
    from unoise.report.comparison import compare_sides, find_side

    page = compare_sides(find_side(a, Path("results")), find_side(b, Path("results")))
    print(page, end="")
    if out:
        with whole_file(out) as temporary:
            temporary.write_text(page, encoding="utf-8")


def download(task: str, to: Path, url: str | None, md5: str | None) -> None:
    """Fetch a task of the Decathlon and print where it lies."""
    from unoise.data.download import download_task

    try:
        folder = download_task(task, to, url, md5).resolve()
    except KeyboardInterrupt:
        raise UserError("stopped", remedy="Run the same command again to go on") from None
    print(f"The dataset is in {folder}")
    if task == PANCREAS:
        print(f"For config/paper.yaml: export UNOISE_PANCREAS={shlex.quote(str(folder))}")


def _split_counts(found: list[Case]) -> str:
    return ", ".join(f"{sum(case.split == split for case in found)} {split}" for split in SPLITS)
