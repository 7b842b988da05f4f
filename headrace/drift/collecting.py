"""Rows that become a reference once there are enough of them."""

from collections.abc import Iterator, Sequence

import numpy as np

from headrace.drift.reference import Reference, Rows, make_reference


class Collecting:
    """Takes the first rows of a side; done once there is a reference."""

    def __init__(self, names: Sequence[str], wanted: int) -> None:
        self.names = tuple(names)
        self.wanted = wanted
        self.count = 0
        self._rows: list[Rows] = []

    @property
    def share(self) -> float:
        """How much is there of what is wanted."""
        return self.count / self.wanted

    def add(self, rows: Rows) -> Iterator[Reference | None]:
        """The reference last, once there is one; None wherever there may be a pause."""
        rows = rows[: self.wanted - self.count]
        if not len(rows):
            return
        self._rows.append(rows.copy())
        self.count += len(rows)
        if self.count >= self.wanted:
            yield from self._made()

    def early(self, least: int) -> Iterator[Reference | None]:
        """A reference of what there is, where that is `least` or more: it is needed before there is more of it."""
        if self.count >= least:
            yield from self._made()

    def _made(self) -> Iterator[Reference | None]:
        yield from make_reference(self.names, np.concatenate(self._rows))
