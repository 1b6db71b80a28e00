"""Which explainers give the same map whatever the segmenter has learned."""

import pandas as pd

SAME = 0.5  # mean rank correlation above which a map stays the same


def by_change(sanity: pd.DataFrame) -> pd.DataFrame:
    """What stays of the maps, means over patients, a row an explainer.

    Parameters
    ----------
    sanity
        Rows of `tables.SANITY` of one model and target.

    Returns
    -------
    DataFrame
        `whole`, `permuted`: rank correlation with all weights random, and after training on permuted labels; NaN where
        nothing was compared. `whole_beside`, `permuted_beside`: of what is left without the region that is explained.
        `careless`: one of the first two is above `SAME`, and what is left stays the same too, or there is nothing left:
        the map does not care. `regional`: it is above for the sake of the region alone.
    """
    last = sanity["stage"] == sanity["stage"].max()
    found = pd.DataFrame(index=pd.Index(sorted(set(sanity["explainer"])), name="explainer"))
    for name, rows in {"whole": sanity[last], "permuted": sanity[sanity["check"] == "permuted"]}.items():
        means = rows.groupby("explainer")[["rank_correlation", "partial_correlation"]].mean()
        found[[name, f"{name}_beside"]] = means.reindex(found.index)
    stays = found[["whole", "permuted"]] > SAME
    changes = found[["whole_beside", "permuted_beside"]].set_axis(stays.columns, axis=1) <= SAME
    careless = (stays & ~changes).any(axis=1)
    return found.assign(careless=careless, regional=stays.any(axis=1) & ~careless)
