"""The one exception for what a user can mend."""

from pathlib import Path


class UserError(Exception):
    """Something is wrong with what the user gave: one line that says where, what, and what to do.

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
        self.what, self.remedy = what, remedy
        where = [f"case {case}" if case else "", str(file) if file else ""]
        super().__init__(": ".join([*filter(None, where), f"{what}. {remedy}."]))
