"""A coverage-guided fuzzer on the readers of foreign files; what it finds becomes part of the tests' corpus.

    pip install atheris==3.0.0                       # into an environment of its own: the project does not need it
    python benchmarks/fuzz.py --seconds 1800         # or --runs 2000000

It ends with exit code 0 where no input made a reader crash, hang for more than 20 seconds or take more than 3 GiB;
else with another one, and lays the input into `tests/corpus/found/`. The inputs that reached new code are kept in
`--corpus`, from where the next run goes on.
"""

import argparse
import logging
import sys
import tempfile
from pathlib import Path

SECONDS_OF_ONE, MIB = 20, 3072
INSTRUMENTED = ["unoise", "nibabel", "yaml", "jsonschema"]


def main() -> None:
    """Fuzz until the time or the number of runs is over, or the first finding."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=1800, help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=2_000_000, help="default: %(default)s")
    parser.add_argument("--corpus", type=Path, default=Path("results/fuzz"), help="default: %(default)s")
    arguments = parser.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is missing. Install it: pip install atheris==3.0.0")
    from torch._weights_only_unpickler import Unpickler

    with atheris.instrument_imports(include=INSTRUMENTED):
        import fuzz_readers

    Unpickler.load = atheris.instrument_func(Unpickler.load)  # all of torch would take minutes
    logging.disable()
    arguments.corpus.mkdir(parents=True, exist_ok=True)
    fuzz_readers.FOUND.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    for number, seed in enumerate(fuzz_readers.seeds(folder)):
        (arguments.corpus / f"seed-{number}").write_bytes(seed)
    options = {
        "max_total_time": arguments.seconds,
        "runs": arguments.runs,
        "timeout": SECONDS_OF_ONE,
        "rss_limit_mb": MIB,
        "max_len": 16384,
        "artifact_prefix": f"{fuzz_readers.FOUND}/",
        "print_final_stats": 1,
    }
    given = [sys.argv[0], str(arguments.corpus), *(f"-{name}={value}" for name, value in options.items())]
    atheris.Setup(given, lambda content: fuzz_readers.attempt(content, folder) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
