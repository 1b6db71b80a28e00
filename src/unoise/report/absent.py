"""What the summary says of patients in whom a target is empty."""

import pandas as pd

from unoise.report.markdown import count, escape, listed
from unoise.workflow.names import ORIGINAL


def absent_sentence(curves: pd.DataFrame, target: str) -> str:
    """Name the test patients without any of a target, who have no agreement; empty where there are none.

    Parameters
    ----------
    curves
        Rows of `tables.CURVES`.
    """
    own = curves[(curves["split"] == "test") & (curves["judge"] == ORIGINAL) & (curves["target"] == target)]
    found = own.groupby("patient", sort=True)["agreement"].count()
    without = found.index[found == 0]
    if without.empty:
        return ""
    of = f"{len(without)} of {count(len(found), 'test patient')} ({listed(without)})"
    return f"{escape(target)} is empty in {of}: there is nothing to agree with, so no score takes them in."
