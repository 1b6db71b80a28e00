"""Which explanation is best, against the best control."""

import pandas as pd

from unoise import tables
from unoise.statistics.intervals import detectable_difference, holm, mean_interval, signed_rank
from unoise.workflow.names import CONTROL

_CONTEST = ["model", "target", "judge", "obscurer", "order"]


def ranking(areas: pd.DataFrame, resamples: int, seed: int) -> pd.DataFrame:
    """Rank the explainers by their mean area over the test patients, in each contest of judge, obscurer and order.

    The best control is that with the best mean area on the validation patients, without these on the test patients.
    Kept first a larger area is better, removed first a smaller one; a positive gain is always good. Controls have no p,
    and nobody has with fewer than `ENOUGH_PATIENTS`.

    Parameters
    ----------
    areas
        From `unoise.statistics.curves.areas`.
    resamples, seed
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Rows of `tables.RANKING`.
    """
    rows = []
    for contest, group in areas.groupby(_CONTEST, sort=True):
        rows += _contest(dict(zip(_CONTEST, contest, strict=True)), group, resamples, seed)
    return pd.DataFrame(rows, columns=tables.RANKING.names)


def _contest(contest: dict, areas: pd.DataFrame, resamples: int, seed: int) -> list[dict]:
    sign = 1 if contest["order"] == "kept_first" else -1
    test = areas[areas.split == "test"].pivot(index="patient", columns="explainer", values="area").dropna()
    controls = areas[areas.explainer.str.startswith(CONTROL)]
    chosen_on = "validation" if "validation" in set(controls.split) else "test"
    means = sign * controls[controls.split == chosen_on].groupby("explainer").area.mean()
    control = means.idxmax() if len(means) else None
    rows = []
    places = (-sign * test.mean()).rank(method="min", na_option="bottom").astype(int).sort_values(kind="stable")
    for explainer, place in places.items():
        values = test[explainer].to_numpy()
        low, high = mean_interval(values, resamples, seed)
        row = {
            "explainer": explainer,
            "patients": len(values),
            "area": values.mean(),
            "low": low,
            "high": high,
        }
        rows.append({**contest, **row, "rank": place})
        if control is not None and explainer != control:
            gains = sign * (values - test[control].to_numpy())
            low, high = mean_interval(gains, resamples, seed)
            rows[-1] |= {"gain": gains.mean(), "gain_low": low, "gain_high": high}
            rows[-1]["detectable"] = detectable_difference(gains)
            if not explainer.startswith(CONTROL):
                rows[-1]["p"] = signed_rank(gains)
        rows[-1] |= {"best_control": control, "control_chosen_on": chosen_on if control is not None else None}
    rivals = [row for row in rows if not row["explainer"].startswith(CONTROL)]
    for row, adjusted in zip(rivals, holm([row.get("p") for row in rivals]), strict=True):
        row["p"] = adjusted
    return rows
