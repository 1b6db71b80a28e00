"""The part of the summary about the judges beside the segmenter."""

import pandas as pd

from unoise.report.figures import in_order
from unoise.report.markdown import escape, listed, number, ranged, table
from unoise.report.seen import NOTE, mark, unseen

_INTRO = (
    "The same obscured images were segmented by other networks, each measured against its own prediction on the full "
    "image. What holds for all judges does not hang on how one network takes images that it never learned from."
)


def judges_section(judges: dict[str, str], segmentation: pd.DataFrame, ranking: pd.DataFrame) -> list[str]:
    """Say how well the other judges segment, and how the explanations fare under each.

    Parameters
    ----------
    judges
        The `<model>` of each, by name.
    segmentation, ranking
        Rows of the tables of these names.

    Returns
    -------
    list of str
        Paragraphs and tables in Markdown.
    """
    parts = [_INTRO, "Dice with the labels (mean over the test patients, range in brackets):"]
    parts.append(table([row for judge, model in judges.items() for row in _dice(judge, segmentation, model)]))
    kept = ranking[(ranking["order"] == "kept_first") & ranking["judge"].isin(judges)]
    for (target, judge), group in kept.groupby(["target", "judge"], sort=True):
        parts += [f"**Area under the agreement curve of {escape(target)}, judged by {escape(judge)}; kept first.**"]
        parts.append(_areas(group))
    parts += [NOTE] * bool(unseen(kept))
    silent = [judge for judge in judges if judge not in set(kept["judge"])]
    return parts + [f"{listed(silent)} found nothing in any test patient, so that nothing could be scored."] * bool(
        silent
    )


def _dice(judge: str, segmentation: pd.DataFrame, model: str) -> list[dict]:
    own = segmentation[(segmentation["model"] == model) & (segmentation["split"] == "test")]
    patients = own.groupby(["class", "patient"])["dice"].mean()
    return [
        {
            "judge": escape(judge),
            "class": escape(name),
            "patients": len(dice),
            "Dice, mean (range)": ranged(dice, 2),
        }
        for name, dice in patients.groupby("class")
    ]


def _areas(ranking: pd.DataFrame) -> str:
    """A row an explainer, a column an obscurer."""
    areas = ranking.pivot(index="explainer", columns="obscurer", values="area")
    those = unseen(ranking)
    return table(
        [
            {"explainer": escape(explainer)}
            | {
                f"hidden by {escape(obscurer)}": mark(number(area, ".3f"), explainer, obscurer, those)
                for obscurer, area in areas.loc[explainer].items()
            }
            for explainer in in_order(areas.index)
        ]
    )
