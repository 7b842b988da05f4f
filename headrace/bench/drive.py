"""The two loops that send: open, by a schedule, and closed, by clients that wait. Knows no protocol.

Latency is counted from when a request was due, not from when it was sent: what waits because the client or the server
was held up is part of the answer.
"""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from headrace.arrivals import Arrival
from headrace.bench.samples import Answer, Sample
from headrace.bench.wire import Cancel, Outgoing, Source, Wire
from headrace.clock import Clock

SENT_AT_ONCE = 32  # then answers are looked at, however many are due
GONE_AFTER_NS = 1_000_000_000  # nothing but lost requests for so long: there is no server
PAUSE_NS = 20_000_000  # of a client whose request was lost
_SECOND = 1_000_000_000


class _Flying(NamedTuple):
    scheduled_ns: int
    sent_ns: int
    request: Outgoing


class Drive:
    """One step: begin a loop, await `finished`, read `samples`. `ended` says why it ended before its time."""

    def __init__(self, wire: Wire, source: Source, clock: Clock, timeout_s: float) -> None:
        self.samples: list[Sample] = []
        self.ended = ""
        self.given_up = 0  # in flight when it ended before its time
        self.started_ns = clock.now_ns()
        self.finished = asyncio.get_running_loop().create_future()
        self._wire = wire
        self._source = source
        self._clock = clock
        self._timeout_ns = int(timeout_s * _SECOND)
        self._flying: dict[int, _Flying] = {}  # in the order of sending: the oldest is the first
        self._cancels: dict[int, Cancel] = {}
        self._count = 0
        self._sending = True
        self._closed_until_ns = 0  # of a closed loop
        self._arrivals: Iterator[Arrival] = iter(())
        self._lost_since_ns: int | None = None

    @property
    def in_flight(self) -> int:
        return len(self._flying)

    def begin_open(self, arrivals: Sequence[Arrival]) -> None:
        """Send each when it is due."""
        self._arrivals = iter(arrivals)
        self._begin()
        self._open_next(next(self._arrivals, None))

    def begin_closed(self, concurrency: int, arrivals: Iterator[Arrival], duration_s: float) -> None:
        """So many clients for so long; of arrivals only the sizes count."""
        self._arrivals = arrivals
        self._begin()
        self._closed_until_ns = self.started_ns + int(duration_s * _SECOND)
        self._clock.call_at(self._closed_until_ns, self._stop_sending)
        for _ in range(concurrency):
            self._closed_next()

    def stop(self, why: str) -> None:
        """End now: what is in flight is given up."""
        self.ended = self.ended or why
        self._sending = False
        self.given_up += len(self._flying)
        for cancel in self._cancels.values():
            cancel()
        self._flying.clear()
        self._cancels.clear()
        self._finish()

    def _begin(self) -> None:
        self.started_ns = self._clock.now_ns()
        self._sweep()

    def _open_next(self, arrival: Arrival | None) -> None:
        """Send what is due, from this one on, and come back for the next."""
        for _ in range(SENT_AT_ONCE):
            if not self._sending:
                return
            if arrival is None:
                self._stop_sending()
                return
            due_ns = self.started_ns + int(arrival.offset_s * _SECOND)
            if due_ns > self._clock.now_ns():
                self._clock.call_at(due_ns, partial(self._open_next, arrival))
                return
            self._send(arrival, due_ns)
            arrival = next(self._arrivals, None)
        self._clock.call_soon(partial(self._open_next, arrival))

    def _closed_next(self) -> None:
        if self._sending:
            self._send(next(self._arrivals), None)

    def _send(self, arrival: Arrival, due_ns: int | None) -> None:
        request = self._source.make(arrival)
        number = self._count
        self._count += 1
        now_ns = self._clock.now_ns()
        self._flying[number] = _Flying(now_ns if due_ns is None else due_ns, now_ns, request)
        cancel = self._wire.send(request, partial(self._done, number))
        if number in self._flying:
            self._cancels[number] = cancel

    def _done(self, number: int, answer: Answer) -> None:
        flying = self._flying.pop(number, None)
        if flying is None:
            return
        self._cancels.pop(number, None)
        now_ns = self._clock.now_ns()
        request = flying.request
        self.samples.append(
            Sample(flying.scheduled_ns, flying.sent_ns, now_ns, answer, request.rows, request.length, request.tenant)
        )
        if answer.verdict == "lost":
            self._lost(answer, now_ns)
        else:
            self._lost_since_ns = None
        if self._closed_until_ns and self._sending:
            if answer.verdict == "lost":
                self._clock.call_at(now_ns + PAUSE_NS, self._closed_next)
            else:
                self._closed_next()
        elif not self._sending and not self._flying:
            self._finish()

    def _lost(self, answer: Answer, now_ns: int) -> None:
        if self._lost_since_ns is None:
            self._lost_since_ns = now_ns
        elif now_ns - self._lost_since_ns >= GONE_AFTER_NS:
            after_s = (self._lost_since_ns - self.started_ns) / _SECOND
            self.stop(f"the server was gone after {after_s:.1f} s: {answer.said}")

    def _stop_sending(self) -> None:
        self._sending = False
        if not self._flying:
            self._finish()

    def _sweep(self) -> None:
        """Give up what has waited too long."""
        if self.finished.done():
            return
        too_old_ns = self._clock.now_ns() - self._timeout_ns
        old = []
        for number, flying in self._flying.items():
            if flying.sent_ns > too_old_ns:
                break
            old.append(number)
        for number in old:
            if number in self._cancels:
                self._cancels[number]()
            self._done(number, Answer("timeout", f"no answer in {self._timeout_ns / _SECOND:g} s"))
        if not self.finished.done():
            self._clock.call_at(self._clock.now_ns() + max(10_000_000, self._timeout_ns // 20), self._sweep)

    def _finish(self) -> None:
        if not self.finished.done():
            self.finished.set_result(None)
