"""Settings against a JSON schema: its defaults are filled in, what does not fit is said in plain words."""

from difflib import get_close_matches

import yaml
from jsonschema import Draft202012Validator, ValidationError, validators

from unoise.workflow.config.fault import Fault


def check(instance: object, schema: dict, *place: str) -> None:
    """Fill in the defaults of settings, in place; raise a `Fault` for the first one that does not fit.

    Settings that the schema names come into alphabetical order: to Snakemake another order is a change. What the config
    names (classes, explainers, …) keeps its order, which is that of tables and figures.

    Parameters
    ----------
    instance
        The settings, of built-in types.
    schema
        A JSON schema (draft 2020-12).
    place
        The keys that lead to them in the config.
    """
    error = next(iter(sorted(_Validator(schema).iter_errors(instance), key=lambda e: list(map(str, e.path)))), None)
    if error:
        raise Fault([*place, *error.absolute_path], *_explain(error))


def _explain(error: ValidationError) -> tuple[str, str]:
    if error.validator == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        unknown = next(key for key in error.instance if key not in known)
        close = get_close_matches(str(unknown), known, 1)
        remedy = f"Did you mean {close[0]!r}" if close else f"Known here: {', '.join(known)}"
        return f"there is no setting {unknown!r}", remedy
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        known = error.schema.get("properties", {})
        close = get_close_matches(missing, [key for key in map(str, error.instance) if key not in known], 1)
        if close:
            return f"there is no setting {close[0]!r}", f"Did you mean {missing!r}"
    if error.validator in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        return f"{error.instance!r} is out of range", f"Allowed: {error.validator} {error.validator_value}"
    if error.validator == "type" and isinstance(error.instance, str) and "number" in error.validator_value:
        return (
            f"{error.instance!r} is a text, not a number",
            "Write numbers without quotes, and 1e-3 as 0.001 or 1.0e-3",
        )
    return error.message[:300], error.schema.get("description", "See the comments in config/config.yaml").rstrip(".")


def _with_defaults(validator_class):
    check_properties = validator_class.VALIDATORS["properties"]

    def set_defaults(validator, properties, instance, schema):
        if isinstance(instance, dict):
            for name, one in properties.items():
                if "default" in one:
                    instance.setdefault(name, yaml.safe_load(yaml.safe_dump(one["default"])))
            for name in sorted(instance, key=str):
                instance[name] = instance.pop(name)
        yield from check_properties(validator, properties, instance, schema)

    whole = validator_class.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    return validators.extend(validator_class, {"properties": set_defaults}, type_checker=whole)


_Validator = _with_defaults(Draft202012Validator)
