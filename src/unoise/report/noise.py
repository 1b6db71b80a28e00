"""The section of the summary on the noise that explanations allow."""

import pandas as pd
from scipy.stats import spearmanr

from unoise.report.summary import escape, table

_KEY = ["target", "explainer"]
_ENOUGH = 3  # pairs for a rank correlation


def noise_section(joint: pd.DataFrame, bins: pd.DataFrame) -> list[str]:
    """Paragraphs on a noise scale: what it means, what is left under multiples of it, and what each tenth bears.

    Parameters
    ----------
    joint, bins
        Rows of `tables.NOISE` and `tables.NOISE_BINS`.
    """
    parts = [
        "The scale σ(x), in HU, is fitted on the validation patients so that independent noise N(0, (s·σ(x))²) in all "
        "voxels at once keeps an agreement of 95 % at s = 1. White noise on a resampled grid is not a scanner's noise, "
        "which is correlated and depends on dose and kernel: read σ(x) as a relative tolerance. On the test patients:"
    ]
    rows = [
        {"target": escape(target), "explainer": escape(explainer)}
        | {f"s = {row.factor:g}": f"{row.agreement:.3f}" for row in group.itertuples()}
        for (target, explainer), group in joint.groupby(_KEY, sort=False)
    ]
    parts.append(table(rows))
    for (target, explainer), group in bins.groupby(_KEY, sort=False):
        parts.append(f"**{escape(explainer)}, {escape(target)}.** {_correlation(group)}")
        rows = [
            {
                "tenth of the body": row.bin,
                "predicted σ, HU": f"{row.predicted_hu:.0f}",
                "σ that costs 5 % there alone, HU": "none did"
                if pd.isna(row.tolerated_hu)
                else f"{row.tolerated_hu:.0f}",
            }
            for row in group.itertuples()
        ]
        parts.append(table(rows))
    return parts


def _correlation(bins: pd.DataFrame) -> str:
    costly = bins.dropna(subset="tolerated_hu")
    said = f"Noise in one tenth of the body alone ever cost 5 % in {len(costly)} of {len(bins)} tenths"
    if len(costly) < _ENOUGH:
        return f"{said}: too few for a rank correlation."
    value = spearmanr(costly.predicted_hu, costly.tolerated_hu).statistic
    return f"{said}; there, predicted and tolerated σ have a rank correlation of {value:.2f}."
