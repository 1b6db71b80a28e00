"""What an explainer does beside returning a map: files it opens, tensors it makes on no device in particular."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
from torch.overrides import TorchFunctionMode

_MAKERS = {
    getattr(torch, name)
    for name in (
        *("arange", "as_tensor", "empty", "eye", "full", "linspace", "logspace", "ones", "rand", "randint", "randn"),
        *("randperm", "tensor", "zeros"),
    )
}
_opened: list[str] = []


class NoDevice(TorchFunctionMode):
    """Notes the lines, of source files in a folder, that make a tensor without naming its device."""

    def __init__(self, folder: Path):
        super().__init__()
        self.folder = folder
        self.lines: set[str] = set()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        caller = sys._getframe(1)
        if function in _MAKERS and not (kwargs or {}).get("device") and self._is_own(caller.f_code.co_filename):
            self.lines.add(f"{Path(caller.f_code.co_filename).name}:{caller.f_lineno} (torch.{function.__name__})")
        return function(*args, **(kwargs or {}))

    def _is_own(self, file: str) -> bool:
        return Path(file).is_relative_to(self.folder)


@contextmanager
def labels_opened() -> Iterator[list[str]]:
    """The names of files with `label` in their name that are opened inside the block."""
    _listen()
    found: list[str] = []
    _opened.clear()
    yield found
    found += sorted({Path(name).name for name in _opened if "label" in Path(name).name.lower()})


@cache
def _listen() -> None:
    """Hear of every file that Python opens from now on: a hook cannot be taken off again."""
    sys.addaudithook(lambda event, values: _opened.append(str(values[0])) if event == "open" else None)
