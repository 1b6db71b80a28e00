"""What speaks against explanations, whatever they score: masks that tell, maps that do not care."""

from collections.abc import Sequence

import pandas as pd

from unoise.report.markdown import escape, listed
from unoise.statistics.leak import TELLS

CARES, CARELESS, REGIONAL, UNCHECKED = "cares", "does not care", "follows the region", "not checked"
_CHECKED = {
    CARELESS: "The sanity check **failed** for {names}: such a map stays much the same when the segmenter loses what "
    "it has learned, is no evidence of how it decides, and is not ranked.",
    REGIONAL: "By the sanity check the map of {names} mostly follows the region that is explained; what it says beside "
    "that depends on what the segmenter has learned.",
    CARES: "The sanity check passed for {names}: the map changes with what the segmenter has learned.",
    UNCHECKED: "The sanity check was not made for {names}.",
}
_NOT_RUN = "No sanity check was run: whether the maps depend on what the segmenter has learned is unknown."


def tells(leaks: dict[str, float], explainer: str) -> bool:
    """Whether an explainer's masks tell so much by their shape that it is not ranked."""
    return leaks.get(explainer, 0) > TELLS


def sanity_mark(changes: pd.DataFrame | None, explainer: str) -> str:
    """What the sanity check found of an explainer.

    Parameters
    ----------
    changes
        From `unoise.statistics.sanity.by_change`; None where nothing was checked.
    """
    if changes is None or explainer not in changes.index:
        return UNCHECKED
    found = changes.loc[explainer]
    if found[["whole", "permuted"]].isna().all():
        return UNCHECKED
    return CARELESS if found["careless"] else REGIONAL if found["regional"] else CARES


def leak_sentence(explainers: Sequence[str], leaks: dict[str, float]) -> str:
    """Say whose masks tell by their shape, that none does, or that this is unknown.

    Parameters
    ----------
    explainers
        In the order in which they are named.
    leaks
        By explainer; NaN where nothing could be compared.
    """
    tellers = ", ".join(f"{escape(key)} (leak {leaks[key]:.2f})" for key in explainers if tells(leaks, key))
    if tellers:
        said = f"By their shape the masks of {tellers} tell where the organ is"
        return f"{said}; above {TELLS} an explanation is not ranked."
    known = [leaks[key] for key in explainers if pd.notna(leaks.get(key))]
    if not known:
        return "What the masks tell by their shape could not be measured."
    return f"By their shape the masks tell little of where the organ is (leak at most {max(0, *known):.2f})."


def sanity_sentences(explainers: Sequence[str], changes: pd.DataFrame | None) -> str:
    """Say which explanations failed the sanity check, which passed, and which were left out of it.

    Parameters
    ----------
    explainers
        In the order in which they are named.
    changes
        As for `sanity_mark`.
    """
    marks = {key: sanity_mark(changes, key) for key in explainers}
    if set(marks.values()) == {UNCHECKED}:
        return _NOT_RUN
    found = {mark: listed(key for key in explainers if marks[key] == mark) for mark in _CHECKED}
    return " ".join(_CHECKED[mark].format(names=names) for mark, names in found.items() if names)
