"""A copy of the package that a test may edit, and what the digests remember of the first one."""

import shutil
from pathlib import Path

from unoise.workflow import digest, sources


class Package:
    """A copy of the package in a folder; digests see it where `sources.PACKAGE` is its `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder
        shutil.copytree(sources.PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))

    def write(self, module: str, text: str) -> None:
        (self.folder / f"{module}.py").write_text(text, encoding="utf-8")
        forget()

    def read(self, module: str) -> str:
        return (self.folder / f"{module}.py").read_text(encoding="utf-8")

    def edit(self, module: str, old: str, new: str) -> None:
        assert old in self.read(module)
        self.write(module, self.read(module).replace(old, new, 1))

    def append(self, module: str, text: str) -> None:
        self.write(module, self.read(module) + text)


def forget() -> None:
    """What the digests remember of sources and versions."""
    for function in (
        *(sources._roots, sources.module_file, digest._tree, digest._tree_hash, digest._imports),
        *(digest._version, digest._distributions),
    ):
        function.cache_clear()
