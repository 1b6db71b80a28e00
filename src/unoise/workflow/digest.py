"""Digests of the code behind a job: unchanged by comments and docstrings, changed by logic and library versions."""

import ast
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import resolve_name
from pathlib import Path

from unoise.files import content_hash
from unoise.workflow.sources import module_file

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_digest(*modules: str) -> str:
    """Hash of what the given modules run, to be a rule's `params: code=`.

    It covers the syntax trees, without comments and docstrings, of the modules and of all modules of this package and
    of their own that they import (transitively), and the installed versions of the other packages that these import. A
    version's local part (the `+cpu` of torch) does not count: it says for which device a library was built.
    """
    seen: set[str] = set()
    waiting = set(modules)
    libraries: set[str] = set()
    while waiting:
        module = waiting.pop()
        seen.add(module)
        inside, outside = _imports(module)
        libraries |= outside
        waiting |= inside - seen
    versions = sorted(f"{name}=={_version(name)}" for name in libraries)
    return content_hash({module: _tree_hash(module) for module in sorted(seen)}, versions)[:16]


def script_digest(script: Path) -> str:
    """Hash of a rule's script itself, to be its `params: script=`; what it imports is the business of `code`."""
    return content_hash(_logic(ast.parse(script.read_text(encoding="utf-8"))))[:16]


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(module_file(module).read_text(encoding="utf-8"))


@cache
def _tree_hash(module: str) -> str:
    return content_hash(_logic(_tree(module)))


def _logic(tree: ast.Module) -> str:
    """The tree as text, without comments and docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False):
            node.body[0].value.value = ""
    return ast.dump(tree)


@cache
def _imports(module: str) -> tuple[frozenset[str], frozenset[str]]:
    """Modules of the package, and of the module's own, that `module` imports, and top-level names of other packages."""
    own = {"unoise", module.split(".")[0]}
    package = module if module_file(module).stem == "__init__" else module.rpartition(".")[0]
    inside, outside = set(), set()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package)
            found = [source, *(f"{source}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in found:
            top = name.split(".")[0]
            if top not in own:
                outside.add(top)
            elif module_file(name):
                inside.add(name)
    return frozenset(inside), frozenset(outside - sys.stdlib_module_names)


@cache
def _version(top_level: str) -> str:
    try:
        return version(_distributions().get(top_level, [top_level])[0]).partition("+")[0]
    except PackageNotFoundError:
        return "none"


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())
