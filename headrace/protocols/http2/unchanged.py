"""Since when something has been as it is, as far as anybody looked."""

from collections.abc import Hashable


class Unchanged:
    """Remembers a state, and when it was first seen."""

    __slots__ = ("_since", "_state")

    def __init__(self) -> None:
        self._state: Hashable | None = None
        self._since = 0.0

    def since(self, state: Hashable | None, now: float) -> float | None:
        """Since when it has been `state`, which it is `now`; None where there is none."""
        if state != self._state:
            self._state, self._since = state, now
        return None if state is None else self._since
