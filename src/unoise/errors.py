"""The one exception for what a user can mend."""

from pathlib import Path


class UserError(Exception):
    """Something is wrong with what the user gave: one line that says where, what, and what to do.

    Line ends and control characters, which a name from a foreign file may have, do not reach the terminal.

    Parameters
    ----------
    what
        What is wrong, as a sentence without its full stop.
    remedy
        What to do about it, as a sentence without its full stop.
    case, file
        The case and the file concerned, where there is one.
    """

    def __init__(self, what: str, *, remedy: str, case: str | None = None, file: str | Path | None = None):
        where = [f"case {case}" if case else "", str(file) if file else ""]
        super().__init__(_one_line(": ".join([*filter(None, where), f"{what}. {remedy}."])))


def _one_line(text: str) -> str:
    return "".join(
        " " if one.isspace() else one if one.isprintable() else one.encode("unicode_escape").decode("ascii")
        for one in text
    )
