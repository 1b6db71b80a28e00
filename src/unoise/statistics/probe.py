"""What a probe finds, by patient."""

import pandas as pd

from unoise import tables
from unoise.statistics.leak import patient_leaks


def patient_probes(counts: pd.DataFrame) -> pd.DataFrame:
    """Dice of what the probe finds with the clean prediction, pooled over a patient's units.

    Parameters
    ----------
    counts
        Rows of `tables.LEAK_COUNTS`, all of the probe.

    Returns
    -------
    DataFrame
        Rows of `tables.PROBE`; null as in `patient_leaks`.
    """
    return patient_leaks(counts).rename(columns={"own": "dice", "other": "dice_other"})[tables.PROBE.names]
