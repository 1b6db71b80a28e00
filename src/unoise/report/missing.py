"""What the summary says of what failed and was left out."""

from unoise.report.markdown import escape

_KINDS = {
    "cases": "case",
    "explainers": "explainer",
    "judges": "judge",
    "targets": "target",
    "measurements": "measurement",
}


def missing_section(left_out: dict) -> list[str]:
    """Paragraphs that name what is in none of the page's numbers, and why; none where nothing is left out.

    Parameters
    ----------
    left_out
        The config's `leave_out`.
    """
    lines = [
        f"- {word} {escape(name)}: {escape(reason)}"
        for kind, word in _KINDS.items()
        for name, reason in left_out.get(kind, {}).items()
    ]
    if not lines:
        return []
    said = "**Something is missing.** This was left out, and is in none of the numbers of this page and its tables:"
    again = "It failed. Mend it and run the same command again: only what failed, and what depends on it, is computed."
    return ["## What is missing", said, "\n".join(lines), *([again] if left_out.get("failed") else [])]
