"""What the summary says of explanations that a check left out, which would be missing without a word."""

from collections.abc import Collection

from unoise.report.markdown import listed
from unoise.workflow import methods
from unoise.workflow.names import CONTROL


def made_elsewhere(explainer: dict) -> bool:
    """Whether the maps of an entry of the config's `explainers` are given, so that nothing can make them again."""
    return "map" in methods.find("explainers", explainer["method"]).needs


def unchecked_sentence(what: str, explainers: dict[str, dict], checked: Collection[str], section: str) -> str:
    """Name the explanations (no controls) that a check left out, and why; empty where it left out none.

    Parameters
    ----------
    what
        Was checked.
    explainers
        Of the config.
    checked
        Those of them that it has results of.
    section
        Of the config, that names them.
    """
    left = [key for key in explainers if key not in checked and not key.startswith(CONTROL)]
    elsewhere = [key for key in left if made_elsewhere(explainers[key])]
    unnamed = [key for key in left if key not in elsewhere]
    reasons = [f"{listed(unnamed)} (not named under `{section}`)"] if unnamed else []
    reasons += [f"{listed(elsewhere)} (made elsewhere: cannot be made again)"] if elsewhere else []
    return f"{what}: not checked for {'; '.join(reasons)}." if reasons else ""
