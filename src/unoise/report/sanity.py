"""The part of the summary on whether maps depend on what the segmenter has learned."""

import pandas as pd

from unoise.report.caveats import CARELESS, REGIONAL, sanity_mark
from unoise.report.figures import in_order
from unoise.report.markdown import escape, listed, number, table
from unoise.report.unchecked import unchecked_sentence
from unoise.statistics.sanity import SAME, by_change

_INTRO = (
    "A map that explains the segmenter must change when the segmenter does. Here its weights became random, step by "
    "step from the output on, and each explainer was run again; then it explained another segmenter, trained on labels "
    "of other patients, which still tell where the organ usually lies (Adebayo et al. 2018); always for the region "
    "that the original one predicts. The numbers are rank correlations (Spearman's) with the original map in the body, "
    "means over the test patients; in brackets, the share of the 10 % most important voxels that both maps have in "
    "common, by chance 0.1. *Beside the region*: the same correlation of what distance to that region does not explain "
    "(partial correlation), since a map that lies about the region stays alike for that alone. A hyphen: nothing to "
    "compare, or the map is constant."
)
_RETRAINED = (
    "Interpreters were trained again, against the wholly random and the permuted segmenter alone. Such maps differ "
    "from one training to the next anyway (see `stability`): that one changes here is weaker evidence than for an "
    "explainer that is only run again."
)
_CARELESS = (
    f"{{names}}: the rank correlation stays above {SAME}, beside the region too. Such a map **does not care** what the "
    "segmenter has learned: it would say much the same of a segmenter that knows nothing, so it shows the image or the "
    "predicted region, and is no evidence of how this segmenter decides. Controls are here as the reference."
)
_REGIONAL = (
    f"{{names}}: the rank correlation stays above {SAME}, but not beside the region. Such a map **follows the region** "
    "that it explains, which was the same for all segmenters; what it says beside that depends on what the segmenter "
    "has learned. What that is worth shows in the gain over the controls that know the region."
)
_CARING = f"No rank correlation stays above {SAME}."


def sanity_section(sanity: pd.DataFrame, explainers: dict[str, dict]) -> list[str]:
    """Say how alike maps stay, which do not care, and which were not checked.

    Parameters
    ----------
    sanity
        Rows of `tables.SANITY` of one model.
    explainers
        Of the config.

    Returns
    -------
    list of str
        Paragraphs and tables in Markdown.
    """
    checked = set(sanity["explainer"])
    learned = any("interpreter" in explainers[key] for key in checked)
    parts = [_INTRO, *[_RETRAINED] * learned]
    for target, group in sanity.groupby("target", sort=True):
        found = by_change(group)
        marks = {explainer: sanity_mark(found, explainer) for explainer in in_order(found.index)}
        rows = [_row(explainer, group, mark) for explainer, mark in marks.items()]
        parts += [f"**Maps of {escape(target)}**", table(rows)]
        said = [
            text.format(names=listed(key for key, one in marks.items() if one == mark))
            for mark, text in ((CARELESS, _CARELESS), (REGIONAL, _REGIONAL))
            if mark in marks.values()
        ]
        parts += said or [_CARING]
    return [*parts, *filter(None, [unchecked_sentence("Sanity", explainers, checked, "sanity")])]


def _row(explainer: str, sanity: pd.DataFrame, mark: str) -> dict[str, str]:
    own, last = sanity[sanity["explainer"] == explainer], sanity["stage"].max()
    stages = {f"{stage:.0f} of {last:.0f}": own["stage"] == stage for stage in range(1, int(last) + 1)}
    ends = {"all, beside the region": own["stage"] == last}
    if (sanity["check"] == "permuted").any():
        stages["permuted labels"] = own["check"] == "permuted"
        ends["permuted, beside the region"] = stages["permuted labels"]
    return (
        {"explainer": escape(explainer)}
        | {heading: _number(own[rows]) for heading, rows in stages.items()}
        | {heading: number(own.loc[rows, "partial_correlation"].mean(), ".2f") for heading, rows in ends.items()}
        | {"mark": mark if mark in (CARELESS, REGIONAL) else ""}
    )


def _number(rows: pd.DataFrame) -> str:
    correlation, overlap = rows["rank_correlation"].mean(), rows["overlap"].mean()
    return number(correlation, ".2f") + (f" ({overlap:.2f})" if pd.notna(overlap) else "")
