"""Whether the segmenter does without the forbidden regions, and the maps stay out of them."""

from collections.abc import Iterator

import pandas as pd

from unoise.statistics.regions import region_means

PASS, FAIL, ABSENT, UNKNOWN = "pass", "FAIL", "not there", "UNKNOWN"


def audit(necessity: pd.DataFrame, mass: pd.DataFrame, config: dict) -> pd.DataFrame:
    """Judge every forbidden region: pass where the mean over the test patients that show it is within the limit.

    Parameters
    ----------
    necessity, mass
        Rows of `tables.REGION_NECESSITY` and `tables.REGION_MASS`.
    config
        A completed config.

    Returns
    -------
    DataFrame
        A row a target, forbidden region and question: columns target, region, asked, patients, share, mean, low, high,
        largest, limit, verdict and passed. The verdict is `PASS`; `FAIL`; `ABSENT`, no test patient shows it, which
        passes; or `UNKNOWN`, it could not be measured, as where the segmenter finds the target in nobody.
    """
    forbidden, own = config["forbidden"], config["regions"]
    bootstrap = (config["evaluation"]["resamples"], config["seed"])
    questions = []
    if forbidden["largest_necessity"] is not None:
        means = region_means(necessity, ["target", "obscurer"], "necessity", *bootstrap)
        questions += [
            (f"agreement lost when hidden by {name}", means[means["obscurer"] == name], forbidden["largest_necessity"])
            for name in own["obscurers"]
        ]
    if forbidden["largest_mass"] is not None:
        means = region_means(mass, ["target", "explainer", "visibility"], "mass", *bootstrap)
        questions += [
            (
                f"share of the top {100 * visibility:g} % of {explainer}",
                means[(means["explainer"] == explainer) & (means["visibility"] == visibility)],
                forbidden["largest_mass"],
            )
            for explainer in forbidden["explainers"]
            for visibility in own["visibilities"]
        ]
    rows = [row for target in config["targets"] for row in _rows(target, forbidden["regions"], questions)]
    found = pd.DataFrame(rows)
    return found.assign(passed=found["verdict"].isin([PASS, ABSENT]))


def _rows(target: str, regions: list[str], questions: list[tuple[str, pd.DataFrame, float]]) -> Iterator[dict]:
    for region in regions:
        for asked, means, limit in questions:
            found = means[(means["target"] == target) & (means["region"] == region)]
            row = found.iloc[0].to_dict() if len(found) else {"patients": 0, "absent": False}
            numbers = {name: row.get(name) for name in ("patients", "share", "mean", "low", "high", "largest")}
            yield {"target": target, "region": region, "asked": asked, **numbers, "limit": limit} | {
                "verdict": _verdict(row, limit)
            }


def _verdict(row: dict, limit: float) -> str:
    if row["patients"] == 0:
        return ABSENT if row["absent"] else UNKNOWN
    return PASS if row["mean"] <= limit else FAIL
