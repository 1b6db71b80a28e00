"""How far the opening's finding reaches: over rivals, across obscurers and judges, and what follows."""

import pandas as pd

from unoise.report.markdown import escape, listed, p_value
from unoise.statistics.rank_correlation import STEADY
from unoise.workflow.names import ORIGINAL


def over_rivals(after: pd.DataFrame, tied: list[str]) -> str:
    """Say how far the next explanation lies behind the first, and which cannot be told apart from it.

    Parameters
    ----------
    after
        From `unoise.statistics.behind.behind`.
    tied
        Those of them that cannot be told apart from the first.
    """
    if after.empty:
        return ""
    said = f"The next, {escape(after.index[0])}, lies {after['difference'].iloc[0]:.2f} behind"
    if after.index[0] not in tied:
        said += f" (p {p_value(after['p'].iloc[0])})"
    return f"{said}; {listed(tied)} cannot be told apart from it by statistics." if tied else f"{said}."


def across_obscurers(correlations: pd.DataFrame) -> str:
    """Say whether the ranking, controls among it, turns between two obscurers.

    Parameters
    ----------
    correlations
        Rows of `tables.RANK_CORRELATION` of one target.
    """
    own = correlations[(correlations["judge"] == ORIGINAL) & (correlations["order"] == "kept_first")]
    own = own.dropna(subset="kendall")
    if own.empty:
        return ""
    turning = own[own["unstable"].eq(True)]
    if turning.empty:
        return (
            "Controls included, the ranking holds between any two obscurers "
            f"(Kendall's tau at least {own['kendall'].min():.2f})."
        )
    pairs = "; ".join(
        f"{escape(row['obscurer'])} and {escape(row['other_obscurer'])}, {row['kendall']:.2f}"
        for _, row in turning.sort_values("kendall", kind="stable").iterrows()
    )
    return f"Controls included, **the ranking is unstable**: Kendall's tau is below {STEADY} between {pairs}."


def across_judges(best: str, rivals: pd.DataFrame) -> str:
    """Say which explanation is first under each judge beside the segmenter itself.

    Parameters
    ----------
    best
        The explanation that is first under the segmenter itself.
    rivals
        Rows of `tables.RANKING` of one target, kept first, of the explanations that are ranked, by all judges.
    """
    means = rivals[rivals["judge"] != ORIGINAL].groupby(["judge", "explainer"])["area"].mean()
    firsts = {judge: group.droplevel("judge").idxmax() for judge, group in means.groupby("judge", sort=True)}
    same = [judge for judge, first in firsts.items() if first == best]
    others = [f"by {escape(judge)}, {escape(first)} is first" for judge, first in firsts.items() if first != best]
    said = [f"by {listed(same)}, it is first too"] if same else []
    return f"Judged {'; '.join([*said, *others])}." if firsts else ""


def conclusion(best: str, tied: list[str], won: pd.DataFrame, own: pd.DataFrame) -> str:
    """Say what to trust.

    Parameters
    ----------
    best
        The explanation that is first.
    tied
        Explanations that cannot be told apart from it.
    won, own
        Its rows of `tables.RANKING` in which it beats the best control, and all of them; one an obscurer.
    """
    if own["gain"].isna().all():
        return "So how far to trust it stays open."
    if won.empty:
        return f"So trust {escape(best)} here no more than a control."
    chosen = escape(best) + (f", as much as {listed(tied)}," if tied else "")
    if len(won) == len(own):
        return f"So, of these explanations, trust {chosen} here."
    return f"So trust {chosen} here under {listed(won['obscurer'])} only."
