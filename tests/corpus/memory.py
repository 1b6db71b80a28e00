"""How much memory the inputs take that ask for most; run in a process of its own."""

import json
import resource
import sys
from importlib import import_module
from pathlib import Path

from corpus import malformed
from unoise.errors import UserError

# What announces far more than it holds, or holds far more than it announces.
GREEDY = {
    "nifti": ("terabytes", "petabytes", "a gigabyte that is not there", "gzip bomb", "gzip bomb before the voxels"),
    "configs": ("billion laughs", "lists without an end"),
    "dataset_json": ("lists without an end", "a number beyond numbers"),
    "models": ("compressed", "one number for a terabyte", "a header of exabytes", "weights of another size"),
}


def measure(folder: Path) -> dict[str, float]:
    """MiB by which the largest memory of this process grew with each of the greedy inputs."""
    grown = {}
    for family, names in GREEDY.items():
        for name in names:
            there = folder / family / name
            there.mkdir(parents=True)
            malformed(family, name).make(there)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            try:
                import_module(f"corpus.{family}").read(there)
            except UserError:
                after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                grown[f"{family}: {name}"] = (after - before) / 1024
    return grown


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
