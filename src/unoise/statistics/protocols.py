"""The published evaluation beside this project's own, in the same few numbers."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unoise import tables
from unoise.statistics.curves import crossing
from unoise.workflow.names import ORIGINAL

_KEY = ["model", "target", "explainer"]
DESIGN = "design"


def compare_protocols(published: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """What each evaluation says of each explainer.

    Parameters
    ----------
    published
        Rows of `tables.PAPER_PROTOCOL`.
    curves
        Rows of `tables.CURVES`; of these the test patients, kept first, under the judge `original`; an obscurer is a
        protocol of its own, named "design-zero" and so on.

    Returns
    -------
    DataFrame
        Rows of `tables.PROTOCOLS`.
    """
    interpreters = published.drop_duplicates(_KEY).set_index(_KEY)[["parameters", "pretrained"]]
    rows = [*_published(published), *_design(curves)]
    made = pd.DataFrame(rows, columns=tables.PROTOCOLS.names).drop(columns=["parameters", "pretrained"])
    return made.join(interpreters, on=_KEY)[tables.PROTOCOLS.names]


def _published(table: pd.DataFrame) -> Iterator[dict]:
    for key, rows in table.groupby([*_KEY, "protocol", "split"], sort=False):
        curve, half = rows[rows.threshold.notna()], rows[rows.threshold.isna()]
        named = dict(zip([*_KEY, "protocol", "split"], key, strict=True))
        yield named | _figures(curve) | {"dice_half": half.dice.iloc[0]}


def _design(curves: pd.DataFrame) -> Iterator[dict]:
    shown = curves[(curves.split == "test") & (curves.order == "kept_first") & (curves.judge == ORIGINAL)]
    for key, rows in shown.groupby([*_KEY, "obscurer"], sort=False):
        named = dict(zip([*_KEY, "obscurer"], key, strict=True))
        curve = rows.groupby("visibility", as_index=False).dice.mean()
        figures = _figures(curve) | {"dice_half": float(np.interp(0.5, curve.visibility, curve.dice))}
        yield named | figures | {"protocol": f"{DESIGN}-{named.pop('obscurer')}", "split": "test"}


def _figures(curve: pd.DataFrame) -> dict[str, float | None]:
    """Full Dice, linear area and visibility for 90 % of full, of a curve of visibility and dice."""
    ordered = curve.dropna(subset="dice").sort_values("visibility")
    if ordered.empty:
        return {"dice_full": None, "linear_area": None, "visibility_90": None}
    seen, dice = ordered.visibility.to_numpy(), ordered.dice.to_numpy()
    area = np.trapezoid(dice, seen) + seen[0] * dice[0]
    reached = crossing(seen, dice, 0.9 * dice[-1]) if dice[-1] else None
    return {"dice_full": dice[-1], "linear_area": float(area), "visibility_90": reached}
