"""The section of the summary on the seams in maps of volumes."""

import pandas as pd

from unoise.report.figures import in_order
from unoise.report.markdown import escape, ranged, table


def seams_section(seams: pd.DataFrame) -> list[str]:
    """Paragraphs on how far the windows of the networks show in the maps.

    Parameters
    ----------
    seams
        Rows of `tables.SEAMS`.
    """
    intro = (
        "A 3D network goes over a volume in overlapping windows. The seam score is the mean jump of a map from voxel "
        "to voxel across the windows' borders, divided by that elsewhere: about 1 means that they do not show. In "
        "small volumes it strays, as the scores of the controls show. Mean over the test cases, range in brackets; `-` "
        "where one window holds the volume:"
    )
    rows = [
        {"target": escape(target), "explainer": escape(name), "seam score": ranged(group.loc[[name], "seam"], 2)}
        for target, group in seams.set_index("explainer").groupby("target", sort=True)
        for name in in_order(group.index.unique())
    ]
    return [intro, table(rows)]
