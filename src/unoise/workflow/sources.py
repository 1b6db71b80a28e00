"""Where the source of a module lies, found without importing anything."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


@cache
def module_file(module: str) -> Path | None:
    """The file of a module, or None where `module` names no Python source (a function, a class, a compiled module)."""
    top, *parts = module.split(".")
    for root in _roots(top):
        path = root.joinpath(*parts)
        found = next((one for one in (path / "__init__.py", path.with_suffix(".py")) if one.is_file()), None)
        if found:
            return found
    return None


@cache
def _roots(top: str) -> list[Path]:
    """Folders of a top-level package; of a module that is a single file, its path without the suffix."""
    if top == "unoise":
        return [PACKAGE]
    spec = find_spec(top)
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [Path(folder) for folder in spec.submodule_search_locations]
    return [Path(spec.origin).with_suffix("")] if spec.origin else []
