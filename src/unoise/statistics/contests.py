"""One explainer against every other, patient by patient, where little of the image is visible."""

from collections.abc import Iterator

import pandas as pd

from unoise import tables
from unoise.statistics.curves import areas
from unoise.statistics.intervals import bootstrap_p, detectable_difference, holm, mean_interval

ENDS = (0.01, 0.1)
AT = {0.01: "at_1", 0.02: "at_2", 0.05: "at_5", 0.1: "at_10"}
_CELL = ["model", "target", "judge", "obscurer"]


def contests(curves: pd.DataFrame, explainers: list[str], resamples: int, seed: int) -> pd.DataFrame:
    """Compare some explainers with every other explainer and control, kept first, on the test patients.

    Parameters
    ----------
    curves
        Rows of `tables.CURVES`.
    explainers
        Those that are compared with all others.
    resamples, seed
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Rows of `tables.CONTESTS`, `seen` left open; a positive difference is good. The p-values are adjusted (Holm)
        over the rivals of an explainer within a target, judge and obscurer.
    """
    kept = curves[(curves.order == "kept_first") & (curves.split == "test")].dropna(subset="agreement")
    kept = kept.assign(visibility=kept.visibility.round(9))
    key = [*_CELL, "explainer", "patient"]
    values = (
        kept.pivot(index=key, columns="visibility", values="agreement").reindex(columns=list(AT)).rename(columns=AT)
    )
    values["area"] = _low_areas(kept).set_index(key).area.astype(float)
    rows = []
    for cell, group in values.groupby(_CELL, sort=True):
        maps = {name: one.droplevel([*_CELL, "explainer"]) for name, one in group.groupby("explainer", sort=True)}
        for explainer in (name for name in explainers if name in maps):
            own = list(_against_all(explainer, maps, resamples, seed))
            adjusted = holm([row["p"] for row in own])
            shared = dict(zip(_CELL, cell, strict=True))
            rows += [shared | row | {"p": p} for row, p in zip(own, adjusted, strict=True)]
    return pd.DataFrame(rows, columns=tables.CONTESTS.names)


def _low_areas(kept: pd.DataFrame) -> pd.DataFrame:
    """Area of each patient's curve between `ENDS`; no rows where an end was not evaluated."""
    low = kept[kept.visibility.between(*ENDS)]
    return areas(low if set(ENDS) <= set(low.visibility) else low.iloc[:0])


def _against_all(explainer: str, maps: dict[str, pd.DataFrame], resamples: int, seed: int) -> Iterator[dict]:
    """A row a rival, its p not adjusted yet."""
    for rival in (name for name in maps if name != explainer):
        differences = (maps[explainer] - maps[rival]).dropna(how="all")
        area = differences.area.dropna().to_numpy()
        low, high = mean_interval(area, resamples, seed)
        at = differences[list(AT.values())].mean()
        yield {
            "explainer": explainer,
            "rival": rival,
            "patients": len(differences),
            "difference": differences.area.mean(),
            "low": low,
            "high": high,
            "p": bootstrap_p(area, resamples, seed),
            "detectable": detectable_difference(area),
            **at,
            "smallest": at.min(),
        }
