"""What every script of the workflow does around the library: log, report errors, keep finished cases."""

import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from unoise.errors import UserError, disk_full, out_of_memory
from unoise.files import content_hash, file_hash, whole_file, whole_folder, write_json
from unoise.workflow.lifetime import end_with_owner
from unoise.workflow.notes import forget_failure, note_failure
from unoise.workflow.record import record

LOGGER = logging.getLogger("unoise")
MAX_FAILURES = 20
HASHES = "hashes.json"


@contextmanager
def job(snakemake) -> Iterator[None]:
    """Log to the rule's log file, and progress to the terminal too; end without a traceback on the terminal.

    What a job that ends well wrote is noted in the manifest of results.

    A user's mistake is printed as its one line; the traceback of anything unforeseen goes to the log, and the terminal
    gets its last line and the log's name. The job ends with the Snakemake that started it.
    """
    end_with_owner()
    name = snakemake.rule.replace("_", " ")
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a full disk takes no log either
    to_file = logging.FileHandler(snakemake.log[0], mode="w", encoding="utf-8")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    to_terminal = logging.StreamHandler(sys.stderr)
    to_terminal.setFormatter(logging.Formatter(f"[{name}] %(message)s"))
    logging.getLogger("py.warnings").addHandler(to_file)
    to_terminal.setLevel(logging.INFO)
    LOGGER.setLevel(logging.DEBUG)
    for handler in (to_file, to_terminal):
        LOGGER.addHandler(handler)
    forget_failure(snakemake.log[0])
    try:
        yield
        record(f"results/{snakemake.config['experiment']}", snakemake.log[0], snakemake.output)
    except UserError as error:
        LOGGER.error("%s", error)
        note_failure(snakemake.log[0], str(error), getattr(error, "cases", {}))
        sys.exit(1)
    except Exception as error:
        LOGGER.debug("", exc_info=True)
        LOGGER.error("%s (details in %s)", _in_words(error), snakemake.log[0])
        note_failure(snakemake.log[0], _in_words(error), {})
        sys.exit(1)


def _in_words(error: Exception) -> str:
    if disk_full(error):
        return "the disk is full, or your quota is: make room, then `make resume`"
    if out_of_memory(error):
        return "memory ran out: let fewer jobs run side by side (CORES), or choose smaller batches, then `make resume`"
    return f"{type(error).__name__}: {error}"


class CasesFailed(UserError):
    """Cases of a batch failed; `cases` holds each with its reason."""

    def __init__(self, cases: dict[str, str], number: int):
        self.cases = cases
        shown = " | ".join(list(cases.values())[:MAX_FAILURES])
        super().__init__(
            f"{len(cases)} of {number} cases failed: {shown}",
            remedy="The others are kept; mend these and run again",
        )


Files = dict[str, Path]
Compute = Callable[[dict[str, str], Files, Files], None]


def for_each_case(snakemake, prepare: Callable[[Files], Compute], keep: bool = True) -> None:
    """Compute the cases of a batch that are not in the store yet, then link the declared outputs to it.

    Snakemake deletes the outputs of a failed job. So each case is written, whole, to an undeclared store, keyed by
    settings, code and inputs; a job that runs again finds there what its last attempt finished. Inputs and outputs
    that are lists go by case; an input that is a single file is shared.

    Parameters
    ----------
    snakemake
        With `params` cases (key columns of each, `case` among them), settings, code, script and store.
    prepare
        Loads what the cases share (called with the shared inputs, once, and only where a case is left to compute) and
        returns the function that computes one: it is given the case's key, its inputs and its outputs by name.
    keep
        Whether the cases stay in the store once the job is done: a job of one case more then finds them. Where outputs
        are temporary they must not, or would go on filling the disk.

    Raises
    ------
    CasesFailed
        After all other cases are done, if some failed; names each with its fault.
    """
    params = snakemake.params
    shared = {name: Path(value) for name, value in snakemake.input.items() if isinstance(value, str)}
    by_case = {name: values for name, values in snakemake.input.items() if not isinstance(values, str)}
    shared_hash = {name: file_hash(path) for name, path in shared.items()}
    failures: dict[str, str] = {}
    entries: dict[str, Path] = {}
    compute = None
    for number, case_key in enumerate(params.cases):
        case = case_key["case"]
        inputs = {name: Path(values[number]) for name, values in by_case.items()}
        input_hash = {name: file_hash(path) for name, path in inputs.items()}
        key = content_hash(case_key, params.settings, params.code, params.script, shared_hash, input_hash)
        entry = entries[case] = Path(params.store) / case / key[:16]
        if _is_whole(entry):
            LOGGER.info("%s: kept from an earlier run", case)
            continue
        compute = compute or prepare(shared)
        try:
            with whole_folder(entry) as folder:
                outputs = {
                    name: folder / _stored_name(name, values[number]) for name, values in snakemake.output.items()
                }
                compute(case_key, inputs, outputs)
                write_json(folder / HASHES, {path.name: file_hash(path) for path in outputs.values()})
        except UserError as error:
            failures[case] = str(error)
        except Exception as error:
            if disk_full(error):
                raise
            LOGGER.debug("case %s", case, exc_info=True)
            failures[case] = f"case {case}: {_in_words(error)}"
        LOGGER.info("%s: %s (%d of %d)", case, "FAILED" if case in failures else "done", number + 1, len(params.cases))
    if failures:
        raise CasesFailed(failures, len(params.cases))
    for number, entry in enumerate(entries.values()):
        for name, values in snakemake.output.items():
            link(entry / _stored_name(name, values[number]), Path(values[number]))
        for stale in set(entry.parent.iterdir()) - ({entry} if keep else set()):
            shutil.rmtree(stale, ignore_errors=True)


def _is_whole(entry: Path) -> bool:
    """Whether an entry of the store holds what was written into it."""
    try:
        hashes = json.loads((entry / HASHES).read_text(encoding="utf-8"))
        return all(file_hash(entry / name) == value for name, value in hashes.items())
    except (OSError, ValueError):
        return False


def link(source: Path, path: Path) -> None:
    """Make `path` another name of the file `source`, or a copy where the file system has no hard links."""
    with whole_file(path) as temporary:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)


def _stored_name(name: str, path: str) -> str:
    return name + "".join(Path(path).suffixes[-2:] if path.endswith(".gz") else Path(path).suffixes[-1:])
