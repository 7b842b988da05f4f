"""Who computes at this moment: models that share the machine slow one another down. No clock, no cores."""


class Company:
    """The runs under way, by whoever runs them; one for all models of a server."""

    def __init__(self) -> None:
        self._runs: dict[object, int] = {}
        self._running = 0

    def began(self, whose: object) -> None:
        """One more run."""
        self._runs[whose] = self._runs.get(whose, 0) + 1
        self._running += 1

    def ended(self, whose: object) -> None:
        """One run less."""
        self._running -= 1
        self._runs[whose] -= 1
        if not self._runs[whose]:
            del self._runs[whose]

    def others(self, me: object) -> bool:
        """Whether somebody else runs something."""
        return self._running > self._runs.get(me, 0)
