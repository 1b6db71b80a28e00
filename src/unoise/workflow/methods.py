"""Which methods there are, and what their modules declare (settings, needs), read from the source without importing it.

A family, such as `explainers`, is the modules of a folder of the package, and those that other installed packages name
as entry points of the group `unoise.<family>`.
"""

import ast
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from unoise.errors import UserError
from unoise.workflow.sources import PACKAGE, module_file

TARGET = "_target"  # ends the names of the modules of targets
_DECLARED = {
    "SETTINGS": {},
    "NEEDS": (),
    "VOLUMES": ("importance",),
    "TRAINED_FOR": None,
    "TRAINS_WITH": (),
    "DIMS": (2, 3),
}


@dataclass(frozen=True)
class Method:
    """One module of a family of methods (an explainer, an obscurer, a training objective).

    Attributes
    ----------
    settings
        JSON schemas of the settings the method takes, by name (the module's `SETTINGS`).
    needs
        What it must be given: "gradient", "layers", "interpreter", "references", "atlas", "map", "structures", "donor",
        "label" (the module's `NEEDS`).
    volumes
        The volumes an explainer makes for each case (the module's `VOLUMES`).
    trained_for
        What an explainer's interpreter must be trained for (the module's `TRAINED_FOR`); None without one.
    trains_with
        What a training objective or augmentation puts into images (the module's `TRAINS_WITH`): names, or the setting
        whose keys they are.
    dims
        Of the images it can take: 2, slices, and 3, volumes (the module's `DIMS`; both where it says nothing).
    """

    module: str
    settings: dict
    needs: tuple[str, ...]
    volumes: tuple[str, ...]
    trained_for: str | None
    trains_with: tuple[str, ...] | str
    dims: tuple[int, ...]

    @property
    def classes(self) -> list[str]:
        """Settings that name a class of the config."""
        return [name for name, one in self.settings.items() if one.get("format") == "class"]

    def load(self) -> ModuleType:
        """Import the module."""
        return import_module(self.module)

    def fillings(self, settings: dict) -> list[str]:
        """What a training objective or augmentation of these settings puts into images."""
        return list(settings[self.trains_with] if isinstance(self.trains_with, str) else self.trains_with)

    def schema(self, **more: dict) -> dict:
        """JSON schema of a config entry that chooses this method: its settings, `more` keys, and nothing else."""
        properties = {**more, **self.settings}
        required = [name for name, one in properties.items() if "default" not in one]
        return {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }


@cache
def find(family: str, name: str) -> Method:
    """The method `name` of a family, such as find("explainers", "occlusion").

    Raises
    ------
    UserError
        If the family has no such method (the message lists those that there are), or as `declared`.
    """
    if name not in names(family):
        raise UserError(
            f"{family}: there is no method {name!r}",
            remedy=f"Choose one of: {', '.join(names(family))}",
        )
    outside = _outside(family)
    return declared(outside[name].value if name in outside else f"unoise.{family}.{name}")


def declared(module: str) -> Method:
    """What the module of a method declares.

    Raises
    ------
    UserError
        If there is no such module, its source cannot be read, or a declaration is no literal.
    """
    path = module_file(module)
    if path is None:
        raise UserError(
            f"there is no Python module {module!r}",
            remedy="Install the package that has it, or correct its entry point",
        )
    found = dict(_DECLARED)
    try:
        body = ast.parse(path.read_bytes()).body
    except (SyntaxError, ValueError) as error:
        raise UserError(f"it is no Python source ({error})", file=path, remedy="Mend the module") from None
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            name = getattr(node.targets[0] if isinstance(node, ast.Assign) else node.target, "id", None)
            if name in found:
                found[name] = _literal(node.value, f"line {node.lineno}: {name}", path)
    for name in ("NEEDS", "VOLUMES", "DIMS"):
        if not isinstance(found[name], tuple | list):
            raise UserError(
                f"{name} is {found[name]!r}, not a tuple", file=path, remedy=f"Write {name} = ({found[name]!r},)"
            )
    settings, needs, volumes, trained_for, trains_with, dims = found.values()
    return Method(module, settings, tuple(needs), tuple(volumes), trained_for, trains_with, tuple(dims))


def _literal(value: ast.expr | None, where: str, path: Path) -> object:
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError):
        raise UserError(
            f"{where} is no literal", file=path, remedy="Write its value out: it is read, never run"
        ) from None


def target(settings: dict) -> Method:
    """What the kind of a target declares, from an entry of the config's `targets`; without `kind` it is a class."""
    return find("targets", f"{settings.get('kind', 'class')}{TARGET}")


def target_kinds() -> list[str]:
    """The kinds of targets: the modules of the family without their common ending."""
    return [name.removesuffix(TARGET) for name in names("targets")]


@cache
def names(family: str) -> tuple[str, ...]:
    """The methods of a family, in alphabetical order; of a folder's modules all but `base`."""
    return tuple(sorted({*_inside(family), *_outside(family)}))


def _inside(family: str) -> set[str]:
    folder = PACKAGE.joinpath(*family.split("."))
    return {path.stem for path in folder.glob("*.py") if path.stem != "base" and not path.stem.startswith("_")}


@cache
def _outside(family: str) -> dict[str, EntryPoint]:
    """The entry points of other packages, by name.

    Raises
    ------
    UserError
        If two have one name, or one has that of a method of this package.
    """
    found: dict[str, EntryPoint] = {}
    for one in entry_points(group=f"unoise.{family}"):
        there = found.setdefault(one.name, one)
        if one.name in _inside(family) or there.value != one.value:
            other = "unoise itself" if one.name in _inside(family) else f"{there.value} of {_distribution(there)}"
            raise UserError(
                f"{family}: the name {one.name!r} of {one.value} of {_distribution(one)} is taken by {other}",
                remedy="Give the entry point another name, or uninstall one of the two",
            )
    return found


def _distribution(one: EntryPoint) -> str:
    return one.dist.name if one.dist else "an unknown package"
