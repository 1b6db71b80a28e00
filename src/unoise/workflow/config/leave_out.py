"""A config without what `leave_out` names, so that the rest of an experiment can be finished."""

from unoise.errors import UserError


def without(config: dict, path: str) -> dict:
    """A config without the explainers, judges, targets and measurements that its `leave_out` names.

    Models keep their names and are not trained anew: interpreters go on knowing `all_targets`. Cases are left out by
    `CasePlan`.

    Parameters
    ----------
    config
        Completed by `unoise.workflow.config.complete`.
    path
        Its file, for errors.

    Raises
    ------
    UserError
        If a name is no entry of the config, or nothing would be left.
    """
    named = config["leave_out"]
    config = config | {"all_targets": config["targets"]} if named["targets"] else dict(config)
    for kind in ("explainers", "judges", "targets"):
        _check(named[kind], config[kind], f"leave_out.{kind}", path)
        config[kind] = {key: one for key, one in config[kind].items() if key not in named[kind]}
    for kind in ("explainers", "targets"):
        if not config[kind]:
            raise UserError(f"leave_out.{kind} leaves none", file=path, remedy="Mend some of them")
    sections = [
        name for name, one in config.items() if isinstance(one, dict) and isinstance(one.get("explainers"), list)
    ]
    asked = {_measurement(name, key) for name in sections for key in config[name]["explainers"]} | {"regions.all"}
    _check(named["measurements"], asked, "leave_out.measurements", path)
    for name in sections:
        wanted = [key for key in config[name]["explainers"] if _measurement(name, key) not in named["measurements"]]
        config[name] = config[name] | {"explainers": [key for key in wanted if key in config["explainers"]]}
    if "regions.all" in named["measurements"]:
        config["regions"] = config["regions"] | {"explainers": [], "structures": {}}
        config["forbidden"] = config["forbidden"] | {"regions": [], "explainers": []}
    if config["truth"]["explainer"] in named["explainers"]:
        config["truth"] = config["truth"] | {"explainer": None}
    return config


def _measurement(section: str, explainer: str) -> str:
    """The name of what a section asks of an explainer; `forbidden` asks what `regions` does."""
    return f"{'regions' if section == 'forbidden' else section}.{explainer}"


def _check(names: dict, known: object, place: str, path: str) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise UserError(f"{place}: there is no {unknown[0]!r}", file=path, remedy="Correct the name, or take it out")
