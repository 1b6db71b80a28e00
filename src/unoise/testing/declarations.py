"""What is wrong with what the module of an explainer declares."""

from jsonschema import Draft202012Validator, SchemaError

from unoise.explainers.base import Explainer
from unoise.workflow.given_plan import GIVEN
from unoise.workflow.methods import Method

NEEDS = ("gradient", "layers", *GIVEN)
VOLUMES = {"importance", "noise_scale"}


def declaration_faults(method: Method) -> list[str]:
    """One sentence each."""
    faults = []
    try:
        explainer = getattr(method.load(), "EXPLAINER", None)
    except Exception as error:
        return [f"the module cannot be imported: {type(error).__name__}: {error}"]
    if not (isinstance(explainer, type) and issubclass(explainer, Explainer)):
        faults.append("EXPLAINER is missing, or is no subclass of unoise.explainers.base.Explainer")
    elif explainer.__abstractmethods__:
        faults.append(f"EXPLAINER does not define {', '.join(sorted(explainer.__abstractmethods__))}")
    unknown = [one for one in method.needs if one not in NEEDS]
    if unknown:
        faults.append(f"NEEDS names {', '.join(unknown)}; there are: {', '.join(NEEDS)}")
    if "map" in method.needs and "folder" not in method.settings:
        faults.append('NEEDS names map, and SETTINGS has no "folder" of the maps')
    if not {"importance"} <= set(method.volumes) <= VOLUMES:
        faults.append(f"VOLUMES are {method.volumes}: `importance`, and beside it at most `noise_scale`")
    if not method.dims or not set(method.dims) <= {2, 3}:
        faults.append(f"DIMS are {method.dims}: of 2, slices, and 3, volumes")
    if not isinstance(method.settings, dict):
        return [*faults, "SETTINGS are no dict of a JSON schema a setting"]
    for name, schema in method.settings.items():
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            faults.append(f"SETTINGS[{name!r}] is no JSON schema: {error.message}")
    return faults


def setting_faults(method: Method, settings: dict) -> list[str]:
    """Of the values that are to be tried, one sentence each."""
    faults = [
        f"the setting {name!r} has no default: give check_explainer a value for it"
        for name, one in method.settings.items()
        if "default" not in one and name not in settings and name != "interpreter"
    ]
    faults += [f"SETTINGS does not declare {name!r}" for name in settings if name not in method.settings]
    for name, one in method.settings.items():
        value = settings.get(name, one.get("default"))
        if value is not None:
            faults += [f"setting {name!r}: {e.message}" for e in Draft202012Validator(one).iter_errors(value)]
    return faults
