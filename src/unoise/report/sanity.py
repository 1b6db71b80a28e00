"""The part of the summary on whether maps depend on what the segmenter has learned."""

import pandas as pd

from unoise.report.figures import in_order
from unoise.report.markdown import escape, listed, number, table
from unoise.statistics.sanity import SAME, by_change

_INTRO = (
    "A map that explains the segmenter must change when the segmenter does. Here its weights became random, step by "
    "step from the output on, and each explainer was run again; then it explained another segmenter, trained on labels "
    "of other patients, which still tell where the organ usually lies (Adebayo et al. 2018); always for the region "
    "that the original one predicts. The numbers are rank correlations (Spearman's) with the original map in the body, "
    "means over the test patients; in brackets, the share of the 10 % most important voxels that both maps have in "
    "common, by chance 0.1. Interpreters were trained again, against "
    "the wholly random and the permuted segmenter alone. A hyphen: nothing to compare, or the map is constant."
)
_CARELESS = (
    f"{{names}}: the rank correlation stays above {SAME}. Such a map **does not care** what the segmenter has learned: "
    "it would say much the same of a segmenter that knows nothing, so it shows the image or the predicted region, and "
    "is no evidence of how this segmenter decides. Controls are here as the reference."
)
_CARING = f"No rank correlation stays above {SAME}."


def sanity_section(sanity: pd.DataFrame) -> list[str]:
    """Say how alike maps stay, and which do not care.

    Parameters
    ----------
    sanity
        Rows of `tables.SANITY` of one model.

    Returns
    -------
    list of str
        Paragraphs and tables in Markdown.
    """
    parts = [_INTRO]
    for target, group in sanity.groupby("target", sort=True):
        found = by_change(group)
        careless = in_order(found.index[found["careless"]])
        rows = [_row(explainer, group, explainer in careless) for explainer in in_order(found.index)]
        parts += [f"**Maps of {escape(target)}**", table(rows)]
        parts.append((_CARELESS if careless else _CARING).format(names=listed(careless)))
    return parts


def _row(explainer: str, sanity: pd.DataFrame, careless: bool) -> dict[str, str]:
    own = sanity[sanity["explainer"] == explainer]
    last = sanity["stage"].max()
    stages = {f"{stage:.0f} of {last:.0f}": own["stage"] == stage for stage in range(1, int(last) + 1)}
    if (sanity["check"] == "permuted").any():
        stages["permuted labels"] = own["check"] == "permuted"
    return (
        {"explainer": escape(explainer)}
        | {heading: _number(own[rows]) for heading, rows in stages.items()}
        | {"mark": "does not care" if careless else ""}
    )


def _number(rows: pd.DataFrame) -> str:
    correlation, overlap = rows["rank_correlation"].mean(), rows["overlap"].mean()
    return number(correlation, ".2f") + (f" ({overlap:.2f})" if pd.notna(overlap) else "")
