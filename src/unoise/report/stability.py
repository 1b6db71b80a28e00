"""The part of the summary on how much maps depend on the seed of a training."""

import pandas as pd

from unoise.report.figures import in_order
from unoise.report.markdown import escape, number, table
from unoise.report.unchecked import made_elsewhere, unchecked_sentence

_INTRO = (
    "The interpreters were trained again with other seeds, from the same start, and their maps of the test patients "
    "compared, each with each: the rank correlation (Spearman's) of two maps of a slice, and the share of the 10 % "
    "most important voxels that they have in common. The same maps give 1 and 1, two random ones 0 and 0.1. Means over "
    "pairs and patients; in brackets the pair of trainings that is least alike. For deterministic explainers nothing "
    "is trained, so that no such seed can change their maps. The segmenter was not trained again."
)
_MEASURED = {"rank_correlation": "rank correlation (least)", "overlap": "overlap at 10 % (least)"}
_UNTRAINED = {"trainings": "-"} | dict.fromkeys(_MEASURED.values(), "deterministic")


def stability_section(stability: pd.DataFrame, explainers: dict[str, dict]) -> list[str]:
    """Say how alike the maps of interpreters trained with other seeds are.

    Parameters
    ----------
    stability
        Rows of `tables.STABILITY`.
    explainers
        Of the config; those without an interpreter are deterministic, but where their maps are made elsewhere.

    Returns
    -------
    list of str
        Paragraphs and tables in Markdown.
    """
    deterministic = [key for key, one in explainers.items() if not ("interpreter" in one or made_elsewhere(one))]
    parts = [_INTRO]
    for target, group in stability.groupby("target", sort=True):
        retrained = dict(iter(group.groupby("explainer")))
        rows = [
            {"explainer": escape(key)} | (_numbers(retrained[key]) if key in retrained else _UNTRAINED)
            for key in in_order([*retrained, *deterministic])
        ]
        parts += [f"**Maps of {escape(target)}**", table(rows)]
    known = {*stability["explainer"], *deterministic}
    return [*parts, *filter(None, [unchecked_sentence("Stability", explainers, known, "stability")])]


def _numbers(pairs: pd.DataFrame) -> dict[str, str]:
    means = pairs.groupby(["seed", "other_seed"])[list(_MEASURED)].mean()
    seeds = set(pairs["seed"]) | set(pairs["other_seed"])
    return {"trainings": str(len(seeds))} | {
        heading: f"{number(pairs[name].mean(), '.2f')} ({_least(means[name])})" for name, heading in _MEASURED.items()
    }


def _least(means: pd.Series) -> str:
    """As "0.81, seeds 1 and 2"; a hyphen where nothing was compared."""
    if means.isna().all():
        return number(None, "")
    one, other = means.idxmin()
    return f"{means.min():.2f}, seeds {one} and {other}"
