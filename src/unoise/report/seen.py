"""How the summary marks what an explainer had to do with an obscurer that its interpreter never met."""

import pandas as pd

Pairs = frozenset[tuple[str, str]]  # of explainer and obscurer

_MARK = " †"
NOTE = "† The explainer's interpreter was not trained with this obscurer."


def unseen(rows: pd.DataFrame) -> Pairs:
    """The pairs of explainer and obscurer that are not `seen`.

    Parameters
    ----------
    rows
        Of `tables.RANKING` or `tables.CONTESTS`.
    """
    those = rows[rows["seen"].eq(False)]
    return frozenset(zip(those["explainer"], those["obscurer"], strict=True))


def mark(text: str, explainer: str, obscurer: str, those: Pairs) -> str:
    """The text, marked where the pair is among those unseen."""
    return text + _MARK * ((explainer, obscurer) in those)
