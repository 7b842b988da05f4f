"""What was left out of metrics, traces, logs, drift and the rest, because there was no room or no time for it."""

from collections.abc import Callable, Mapping

from headrace.observe import families
from headrace.observe.exposition import labels

Counts = Callable[[], Mapping[str, int]]
"""How much a part has left out so far, by reason."""


class Dropped:
    """Owns the list of who may leave something out; each part is asked when somebody reads."""

    def __init__(self) -> None:
        self._parts: dict[str, Counts] = {}

    def add(self, part: str, counts: Counts) -> None:
        """From now on `part` is asked too: reasons are few, and written by us."""
        self._parts[part] = counts

    def counts(self) -> dict[tuple[str, str], int]:
        """How much was left out, by part and reason."""
        return {(part, reason): n for part, read in self._parts.items() for reason, n in sorted(read().items())}

    def lines(self) -> list[str]:
        """What Prometheus reads of it."""
        return families.TELEMETRY_DROPPED.lines(
            (labels({"part": part, "reason": reason}), n) for (part, reason), n in self.counts().items()
        )
