"""The one exception for what a user can mend, and what accidents look like."""

import errno
import os
from pathlib import Path

_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")  # what allocators say
_NO_SPACE = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))


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
        self.what, self.remedy = what, remedy
        where = [f"case {case}" if case else "", str(file) if file else ""]
        super().__init__(_one_line(": ".join([*filter(None, where), f"{what}. {remedy}."])))


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    said = isinstance(error, RuntimeError) and any(text in str(error) for text in _NO_MEMORY)
    return said or isinstance(error, MemoryError)


def disk_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, says that there is no room on the disk, or no more is allowed."""
    said = any(text in str(error) for text in _NO_SPACE)
    return said or (error is not None and disk_full(error.__context__))


def _one_line(text: str) -> str:
    return "".join(
        " " if one.isspace() else one if one.isprintable() else one.encode("unicode_escape").decode("ascii")
        for one in text
    )
