"""Carries records from where facts happen to those that listen; drops rather than delays."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from headrace.alike import COUNTED, Grouping, Lot
from headrace.records import BundleRecord, ModelEvent, Record

Listener = Callable[[Sequence[Record]], None]
"""Takes the records of a while, oldest first. It keeps what it needs: the lot is not its own."""

Steps = Iterator[None]
"""Of what takes long; between two of them requests may have their turn."""

Counting = Callable[[Lot], Steps | None]
"""Takes the requests and runs of a while, those together that are counted alike, at once or in steps. They are not its
own either."""

LOT = 2048
"""Records, more than which are handed on at once; a bundle is as many as it has requests. A lot takes half a
millisecond, and a microsecond for each record, in steps of a third of a millisecond at most."""

PIECE = 96
"""Records of a lot, a bundle being one, that are put together at once for those that count; each takes one or two
microseconds."""

_log = logging.getLogger(__name__)


def _nothing() -> None:
    """Whoever flushes on a timer alone."""


class Bus:
    """A Recorder that holds records until `flush` hands them to every listener.

    Records are made, and flushed, on the event loop's thread. What comes when `limit` records wait is
    dropped and counted in `dropped`.

    Listeners run on caches that models have washed, so what costs is that they run at all: they do so seldom where
    little happens, and where much happens before a lot holds up the event loop (`many`).
    """

    def __init__(self, limit: int = 16_384) -> None:
        self.dropped = 0
        self.many: Callable[[], None] = _nothing  # called when `LOT` records wait
        self._listeners: list[tuple[Listener, frozenset[type[Record]]]] = []
        self._counting: list[Counting] = []
        self._limit = limit
        self._waiting: list[Record] = []
        self._count = 0  # of these
        self._due: deque[tuple[Callable[[], Steps | None], int]] = deque()  # with how many records

    def __call__(self, record: Record) -> None:
        count = len(record.ids) if type(record) is BundleRecord else 1
        before = self._count
        if before < self._limit:
            self._waiting.append(record)
            self._count = before + count
            if before < LOT <= before + count:
                self.many()
        else:
            self.dropped += count

    def listen(self, listener: Listener, *kinds: type[Record]) -> None:
        """From the next flush on, `listener` gets every record; or where kinds are given those alone, and is not called
        while there are none."""
        self._listeners.append((listener, frozenset(kinds)))

    def count(self, counting: Counting) -> None:
        """From the next flush on, `counting` gets every request and run; those that came before a model's event before
        any listener has that."""
        self._counting.append(counting)

    def flush(self) -> None:
        """Hand over what waits: before facts are read, and on a timer. One listener's fault does not stop others."""
        self._take()
        while self._due:
            self._hand_over()

    def step(self) -> bool:
        """Put a piece of what waits together, or hand it over to one listener, or as much as that does in one step;
        whether there is more to be done soon.

        All of it at once would hold up requests for some milliseconds where many records wait.
        """
        if not self._due:
            self._take()
        if self._due:
            self._hand_over()
        return bool(self._due) or self._count >= LOT

    def _take(self) -> None:
        """What waits is due, after what is due by now."""
        if not self._waiting:
            return
        lot, self._waiting = self._waiting, []
        self._count = 0
        present = frozenset(map(type, lot))
        if self._counting and ModelEvent in present and not present.isdisjoint(COUNTED):
            for part in _up_to_events(lot):
                self._share_out(part, frozenset(map(type, part)))
        else:
            self._share_out(lot, present)

    def _share_out(self, lot: list[Record], present: frozenset[type[Record]]) -> None:
        if self._counting and not present.isdisjoint(COUNTED):
            grouping = Grouping()
            pieces = [lot[begin : begin + PIECE] for begin in range(0, len(lot), PIECE)]
            self._due += [(partial(grouping.add, piece), len(piece)) for piece in pieces]
            self._due += [(partial(_count, counting, grouping), len(lot)) for counting in self._counting]
        picked: dict[frozenset[type[Record]], Sequence[Record]] = {present: lot}
        for listener, kinds in self._listeners:
            wanted = kinds & present if kinds else present
            if not wanted:
                continue
            if wanted not in picked:  # once for all who want the same
                picked[wanted] = [record for record in lot if type(record) in wanted]
            self._due.append((partial(listener, picked[wanted]), len(picked[wanted])))

    def _hand_over(self) -> None:
        listen, records = self._due.popleft()
        try:
            if (steps := listen()) is not None:
                self._due.appendleft((partial(_go_on, steps), records))
        except Exception:
            # Watching must never harm what is watched: this is the one place where such a fault ends.
            _log.exception("a listener failed on %d records", records)


def _count(counting: Counting, grouping: Grouping) -> Steps | None:
    """The steps that are left, here and below; None where there are none."""
    steps = counting(grouping.lot)
    return None if steps is None else _go_on(steps)


def _go_on(steps: Steps) -> Steps | None:
    return steps if next(steps, True) is None else None


def _up_to_events(lot: list[Record]) -> Iterator[list[Record]]:
    """Parts, each of which ends with a model's event or with the lot."""
    begin = 0
    for place, record in enumerate(lot, 1):
        if type(record) is ModelEvent or place == len(lot):
            yield lot[begin:place]
            begin = place
