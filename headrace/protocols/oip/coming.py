"""Whether requests come several at a time. Pure."""

NEAR_NS = 200_000
"""Between two arrivals that one turn of a busy event loop may have brought."""

ALONE = 4
"""Times that nobody else came, until none is waited for."""

UNASKED = 64
"""Requests that are not held, once it was found that none may be."""


class Coming:
    """Of one form of request: who comes alone is not to wait even for the end of a turn."""

    __slots__ = ("_alone", "_at_once", "_last_ns", "_unasked")

    def __init__(self) -> None:
        self._alone = 0  # times, one after the other
        self._at_once = False
        self._last_ns = -NEAR_NS
        self._unasked = 0

    def came(self, now_ns: int) -> bool:
        """One did; whether others are likely to come in the same turn, and it may be held for them."""
        if self._unasked:
            self._unasked -= 1
            return False
        if not self._at_once and now_ns - self._last_ns < NEAR_NS:
            self._at_once, self._alone = True, 0
        self._last_ns = now_ns
        return self._at_once

    def closed(self, requests: int) -> None:
        """A turn is over that was waited for, and brought so many."""
        self._alone = 0 if requests > 1 else self._alone + 1
        if self._alone == ALONE:
            self._at_once = False

    def refused(self) -> None:
        """None may be held, for now."""
        self._unasked = UNASKED
