"""The part of the summary that compares the published evaluation with ours, and what each explainer takes in time."""

import pandas as pd

from unoise.report.figures import in_order
from unoise.report.markdown import escape, table
from unoise.report.paper_figures import interpreters
from unoise.statistics.protocols import DESIGN

PUBLISHED = "published"
_NOT_RUN = "–"
_INTRO = (
    "Dice of prediction and label with half of each slice visible, under several protocols of evaluation. "
    "`published` is that of the U-Noise paper (arXiv 2101.05791): it hides by one threshold for all slices, sets "
    "hidden voxels to 0 after normalisation, pools Dice over batches of 32 slices and uses the split that chose the "
    "checkpoints. Each further column mends one of these, or all where its name says so. `design` is this project's "
    "evaluation, with what takes the place of hidden voxels after the hyphen."
)
_RUNTIME_INTRO = (
    "Run time: slices explained one at a time, after one to warm up. It differs from run to run and from machine to "
    "machine."
)


def protocols_section(protocols: pd.DataFrame, runtime: pd.DataFrame) -> list[str]:
    """Say how the protocols of evaluation differ and how long explanations take.

    Parameters
    ----------
    protocols
        Rows of `tables.PROTOCOLS`.
    runtime
        Rows of `tables.RUNTIME`.

    Returns
    -------
    list of str
        Paragraphs and tables in Markdown; none of a part whose table has no rows.
    """
    parts = [_INTRO] if len(protocols) else []
    parts += _each(protocols, lambda group: [_dice_table(group), _changes(group)])
    if len(runtime):
        parts.append(_RUNTIME_INTRO)
    return parts + _each(runtime, lambda group: [_runtime_table(group)])


def in_column_order(protocols: pd.DataFrame) -> list[str]:
    """Protocols once each: the published one first, ours (`design`, `design-zero`, …) last, others as they appear."""
    return sorted(
        dict.fromkeys(protocols["protocol"]), key=lambda name: (name.split("-")[0] == DESIGN, name != PUBLISHED)
    )


def _each(rows: pd.DataFrame, write) -> list[str]:
    """Write about each model and target; where there are several, name them."""
    groups = list(rows.groupby(["model", "target"], sort=True))
    parts = []
    for (model, target), group in groups:
        parts += [f"**Target {escape(target)}, segmenter {escape(model)}**"] * (len(groups) > 1) + write(group)
    return parts


def _half(protocols: pd.DataFrame) -> pd.DataFrame:
    """Dice at half visibility: a row an explainer, a column a protocol."""
    half = protocols.pivot(index="explainer", columns="protocol", values="dice_half")
    return half.loc[in_order(half.index), in_column_order(protocols)]


def _dice_table(protocols: pd.DataFrame) -> str:
    return table(
        [
            {"explainer": escape(explainer)}
            | {escape(name): _NOT_RUN if pd.isna(dice) else f"{dice:.3f}" for name, dice in row.items()}
            for explainer, row in _half(protocols).iterrows()
        ]
    )


def _changes(protocols: pd.DataFrame) -> str:
    """Say what each protocol changes for the interpreter that is best under the published one."""
    half = _half(protocols)
    learned = half.loc[half.index.isin(interpreters(protocols)["explainer"])]
    if learned.empty:
        return "No interpreter was evaluated."
    if PUBLISHED not in half or learned[PUBLISHED].isna().all():
        return f"No interpreter was evaluated under `{PUBLISHED}`, so what the others change cannot be said."
    if not learned[PUBLISHED].max():
        return f"Under `{PUBLISHED}` no interpreter leaves anything of the target when half of the image is visible."
    best = learned[PUBLISHED].idxmax()
    own = learned.loc[best]
    first = f"Under `{PUBLISHED}` the best interpreter is **{escape(best)}** ({own[PUBLISHED]:.3f})."
    gains = (own.drop(PUBLISHED) - own[PUBLISHED]).dropna()
    if gains.empty:
        return f"{first} No other protocol was run for it."
    listed = "; ".join(f"{escape(name)} {gain:+.3f}" for name, gain in gains.items())
    full = protocols[protocols["explainer"] == best].set_index("protocol")["dice_full"].reindex(own.index).dropna()
    shown = ", ".join(f"{escape(name)} {dice:.3f}" for name, dice in full.items())
    whole = f" With all of the image visible its Dice is: {shown}." if shown else ""
    return f"{first} What the other protocols change for it: {listed}.{whole}"


def _runtime_table(runtime: pd.DataFrame) -> str:
    return table(
        [
            {
                "explainer": escape(row["explainer"]),
                "median, ms per slice": _milliseconds(row["median_seconds"]),
                "quartiles, ms per slice": " to ".join(_milliseconds(row[f"{end}_seconds"]) for end in ("low", "high")),
                "device": _NOT_RUN if pd.isna(row["device"]) else escape(row["device"]),
            }
            for _, row in runtime.sort_values(["median_seconds", "explainer"]).iterrows()
        ]
    )


def _milliseconds(seconds: float) -> str:
    if pd.isna(seconds):
        return _NOT_RUN
    return f"{1000 * seconds:,.0f}" if seconds >= 0.1 else f"{1000 * seconds:.2g}"
