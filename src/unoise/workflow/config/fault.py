"""Something is wrong with a config."""

from collections.abc import Iterable


class Fault(Exception):
    """One entry of a config that cannot stand.

    Parameters
    ----------
    place
        The keys that lead to it, or these joined by dots; nothing for the config itself.
    what, remedy
        As of `unoise.errors.UserError`.
    """

    def __init__(self, place: str | Iterable, what: str, remedy: str = "Mend this entry"):
        super().__init__(place, what, remedy)
        where = place if isinstance(place, str) else ".".join(map(str, place))
        self.what = f"{where or 'the config'}: {what}"
        self.remedy = remedy
