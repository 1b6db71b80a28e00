"""Values and texts as Markdown."""

from collections.abc import Iterable

import pandas as pd

NOT_DISTINGUISHABLE = "not distinguishable"  # in the place of a p-value, with too few patients for one
_NULL = "-"
_TEXT_COLUMNS = ("segmenter", "judge", "class", "explainer", "obscurer", "target", "region", "kind", "asked", "verdict")
_MARKDOWN = str.maketrans(
    {"<": "&lt;", ">": "&gt;", "&": "&amp;", "\n": " ", "\r": " "} | {c: f"\\{c}" for c in "\\`*_[]|~!#$"}
)


def escape(text: object) -> str:
    """Text from a table as Markdown that shows it literally."""
    return str(text).translate(_MARKDOWN)


def table(rows: list[dict]) -> str:
    """Rows as a Markdown table; the keys of the first are its columns, and texts must be escaped already."""
    if not rows:
        return "(no rows)"
    align = ["left" if name in _TEXT_COLUMNS else "right" for name in rows[0]]
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True, colalign=align)


def count(amount: int, noun: str) -> str:
    """As "3 patients"."""
    return f"{amount} {noun}{'' if amount == 1 else 's'}"


def listed(names: Iterable[str]) -> str:
    """Names with commas between, escaped."""
    return ", ".join(escape(name) for name in names)


def number(value: float, form: str) -> str:
    """A number by a format, a hyphen for none."""
    return _NULL if pd.isna(value) else format(value, form)


def ranged(values: pd.Series, digits: int) -> str:
    """As "0.83 (0.71 to 0.90)": mean, smallest and largest."""
    return interval(values.mean(), values.min(), values.max(), f".{digits}f")


def interval(value: float, low: float, high: float, form: str = ".3f") -> str:
    """As "0.83 (0.81 to 0.85)", without brackets where there is no interval."""
    if pd.isna(value) or pd.isna(low):
        return number(value, form)
    return f"{value:{form}} ({low:{form}} to {high:{form}})"


def p_value(value: float) -> str:
    """A p-value, small ones as "< 0.001"."""
    return "< 0.001" if pd.notna(value) and value < 0.001 else number(value, ".3f")
