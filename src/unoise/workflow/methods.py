"""What a method module declares (its settings and needs), read from its source without importing it."""

import ast
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from unoise.errors import UserError

PACKAGE = Path(__file__).parents[1]
TARGET = "_target"  # ends the names of the modules of targets


@dataclass(frozen=True)
class Method:
    """One module of a family of methods (an explainer, an obscurer, a training objective).

    Attributes
    ----------
    settings
        JSON schemas of the settings the method takes, by name (the module's `SETTINGS`).
    needs
        What it must be given: "gradient", "layers", "interpreter", "references", "donor", "label" (the module's
        `NEEDS`).
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
        If the family has no such method; the message lists those that there are.
    """
    if name not in names(family):
        raise UserError(
            f"{family}: there is no method {name!r}",
            remedy=f"Choose one of: {', '.join(names(family))}",
        )
    path = _folder(family) / f"{name}.py"
    declared = {
        "SETTINGS": {},
        "NEEDS": (),
        "VOLUMES": ("importance",),
        "TRAINED_FOR": None,
        "TRAINS_WITH": (),
        "DIMS": (2, 3),
    }
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in declared:
            declared[node.targets[0].id] = ast.literal_eval(node.value)
    settings, needs, volumes, trained_for, trains_with, dims = declared.values()
    return Method(f"unoise.{family}.{name}", settings, tuple(needs), tuple(volumes), trained_for, trains_with, dims)


def target(settings: dict) -> Method:
    """What the kind of a target declares, from an entry of the config's `targets`; without `kind` it is a class."""
    return find("targets", f"{settings.get('kind', 'class')}{TARGET}")


def target_kinds() -> list[str]:
    """The kinds of targets: the modules of the family without their common ending."""
    return [name.removesuffix(TARGET) for name in names("targets")]


@cache
def names(family: str) -> tuple[str, ...]:
    """The methods of a family, in alphabetical order: its modules but for `base`."""
    return tuple(
        sorted(p.stem for p in _folder(family).glob("*.py") if p.stem != "base" and not p.stem.startswith("_"))
    )


def _folder(family: str) -> Path:
    return PACKAGE.joinpath(*family.split("."))
