"""Which explainers give the same map whatever the segmenter has learned."""

import pandas as pd

SAME = 0.5  # mean rank correlation above which a map does not care


def by_change(sanity: pd.DataFrame) -> pd.DataFrame:
    """Mean rank correlation over patients: a row an explainer, columns `whole`, `permuted` and `careless`.

    Parameters
    ----------
    sanity
        Rows of `tables.SANITY` of one model and target.

    Returns
    -------
    DataFrame
        `whole`: with all weights random; `permuted`: after training on permuted labels; NaN where nothing was
        compared. `careless`: whether one of them is above `SAME`.
    """
    last = sanity["stage"] == sanity["stage"].max()
    parts = {"whole": sanity[last], "permuted": sanity[sanity["check"] == "permuted"]}
    means = {name: rows.groupby("explainer")["rank_correlation"].mean() for name, rows in parts.items()}
    found = pd.DataFrame(means, index=pd.Index(sorted(set(sanity["explainer"])), name="explainer"))
    return found.assign(careless=(found > SAME).any(axis=1))
