"""Whether what waits may grow for one more turn of the event loop, where runs are shorter than such turns. Pure."""

SHORT_NS = 100_000
"""Of computing. A batch costs the event loop as much as several requests do: where it computes for less than that,
fewer and larger batches answer more."""

HELD_UP = 2
"""Runs that took longer, one after the other, and may just have been held up: the next shows whether they take long."""


class Gathering:
    """Owned by a batched model. While each turn brings something, the batch stays open; one that waits alone is run."""

    def __init__(self) -> None:
        self._short = False
        self.pays = False  # whether runs were as short as that when requests last shared some
        self._long = 0  # of these, that were not, one after the other
        self._seen = 0  # requests that waited when it was last asked

    def ran(self, requests: int, computed_ns: int) -> None:
        """A run of so many computed for so long; 0 where nobody knows. Who shares no runs gains nothing."""
        self._short = requests > 1 and 0 < computed_ns < SHORT_NS
        if requests > 1:
            self._long = 0 if self._short else self._long + 1
            self.pays = self._short or (self.pays and self._long <= HELD_UP)

    def failed(self) -> None:
        """A run did not answer: until one does, nobody knows."""
        self._short = self.pays = False

    def goes_on(self, waiting: int, most: int) -> bool:
        """Whether to ask again a turn later, when so many requests wait and a run may have that many."""
        if self._short and max(self._seen, 1) < waiting < most:
            self._seen = waiting
            return True
        self._seen = 0
        return False
