"""Which cases share a job."""

import hashlib
from collections.abc import Iterable


def batches(cases: Iterable[str], most: int) -> dict[str, list[str]]:
    """Group cases by the shortest prefix of their hash that at most `most` cases share.

    A new case joins the group of its prefix and moves no other, unless that group was full: then it alone is divided.

    Returns
    -------
    dict
        Prefix ("all", or bits such as "01") to its cases, sorted.
    """

    def divide(prefix: str, members: list[str]) -> dict[str, list[str]]:
        if len(members) <= most:
            return {prefix or "all": members} if members else {}
        halves = [[c for c in members if _bits(c)[len(prefix)] == bit] for bit in "01"]
        return divide(prefix + "0", halves[0]) | divide(prefix + "1", halves[1])

    return divide("", sorted(set(cases)))


def _bits(case: str) -> str:
    return f"{int(hashlib.sha256(case.encode()).hexdigest(), 16):0256b}"
