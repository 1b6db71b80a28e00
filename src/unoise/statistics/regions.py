"""What each region is needed for, by patient, and means of it and of maps over patients."""

import pandas as pd

from unoise import tables
from unoise.statistics.intervals import mean_interval

_KEY = [name for name in tables.REGION_NECESSITY.names if name not in ("share", "agreement", "necessity")]
_COUNTS = ["voxels", "inside", "clean", "obscured", "obscured_clean"]
_ORDER = ["structure", "distance", "surroundings"]


def patient_necessity(counts: pd.DataFrame) -> pd.DataFrame:
    """Agreement of each patient with each region hidden, pooled over the cases in which the region is known.

    Parameters
    ----------
    counts
        Rows of `tables.REGION_COUNTS`.

    Returns
    -------
    DataFrame
        Rows of `tables.REGION_NECESSITY`.
    """
    pooled = (
        counts.astype(dict.fromkeys(_COUNTS, float)).groupby(_KEY, as_index=False, sort=False)[_COUNTS].sum(min_count=1)
    )
    found = (2 * pooled["obscured_clean"] / (pooled["obscured"] + pooled["clean"])).where(pooled["clean"] > 0)
    pooled = pooled.assign(share=pooled["inside"] / pooled["voxels"], agreement=found.where(pooled["inside"] > 0))
    return pooled.assign(necessity=1 - pooled["agreement"])[tables.REGION_NECESSITY.names]


def region_means(values: pd.DataFrame, by: list[str], measure: str, resamples: int, seed: int) -> pd.DataFrame:
    """Mean of a measure over the patients with a value, with its interval, and the largest of them.

    Parameters
    ----------
    values
        Rows of `tables.REGION_NECESSITY` or `tables.REGION_MASS`.
    by
        Columns that are kept, beside kind and region.
    measure
        A column.
    resamples, seed
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Columns `by`, kind, region, patients, absent (whether no patient's units show the region), share (of those
        that do), mean, low, high, largest; regions of a kind stay together.
    """
    key = [*by, "kind", "region"]
    rows = []
    for names, group in values.groupby(key, sort=False):
        known = group.dropna(subset=measure)
        numbers = known[measure].to_numpy(float)
        absent = group["share"].eq(0).any() and not group["share"].gt(0).any()
        row = {"patients": len(numbers), "absent": absent, "share": known["share"].mean()}
        if len(numbers):
            low, high = mean_interval(numbers, resamples, seed)
            row |= {"mean": numbers.mean(), "low": low, "high": high, "largest": numbers.max()}
        rows.append(dict(zip(key, names, strict=True)) | row)
    found = pd.DataFrame(rows, columns=[*key, "patients", "absent", "share", "mean", "low", "high", "largest"])
    place = found["kind"].map(_ORDER.index)
    return found.assign(place=place).sort_values([*by, "place"], kind="stable").drop(columns="place")
