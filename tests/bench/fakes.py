"""A wire and a source whose answers the test decides, and samples that it makes up."""

from collections.abc import Callable, Iterable

from headrace.arrivals import Arrival
from headrace.bench.samples import Answer, Batch, Sample, Stream, Verdict
from headrace.bench.wire import Cancel, Done, Outgoing
from headrace.clock import Clock

OK = Answer("answered", "200")
MS = 1_000_000


class FakeWire:
    """Keeps what is sent until the test answers; or answers each after a time, one after another or side by side."""

    def __init__(self, clock: Clock | None = None, service_ms: float | None = None, *, servers: int = 1000) -> None:
        self.sent: list[Outgoing] = []
        self.waiting: list[Done] = []
        self.cancelled = 0
        self.held_back = 0
        self.answer: Callable[[Outgoing], Answer] = lambda request: OK
        self._clock = clock
        self._service_ns = None if service_ms is None else int(service_ms * MS)
        self._free_ns = [0] * servers

    def send(self, request: Outgoing, done: Done) -> Cancel:
        self.sent.append(request)
        if self._service_ns is None or self._clock is None:
            self.waiting.append(done)
            return self._cancel
        first = min(range(len(self._free_ns)), key=lambda index: self._free_ns[index])
        over_ns = max(self._free_ns[first], self._clock.now_ns()) + self._service_ns
        self._free_ns[first] = over_ns
        self._clock.call_at(over_ns, lambda: done(self.answer(request)))
        return self._cancel

    def tell(self, answer: Answer = OK) -> None:
        """Answer the oldest."""
        self.waiting.pop(0)(answer)

    async def close(self) -> None:
        return None

    def _cancel(self) -> None:
        self.cancelled += 1


class FakeSource:
    def __init__(self) -> None:
        self.prepared: list[Arrival] = []

    def prepare(self, arrivals: Iterable[Arrival]) -> None:
        self.prepared += arrivals

    def make(self, arrival: Arrival) -> Outgoing:
        return Outgoing(b"", b"", arrival.rows, arrival.length, arrival.tenant)


def sample(
    latency_ms: float,
    *,
    at_ms: float = 0.0,
    lag_ms: float = 0.0,
    verdict: Verdict = "answered",
    said: str = "",
    batch: Batch | None = None,
    stream: Stream | None = None,
) -> Sample:
    """One request, due at a time and over so much later."""
    due = int(at_ms * MS)
    answer = Answer(verdict, said, "its words" if said else "", batch, stream)
    return Sample(due, due + int(lag_ms * MS), due + int(latency_ms * MS), answer)


def stream(first_ms: float, gaps_ms: Iterable[float], tokens: int = 0) -> Stream:
    """Pieces that came: the first at a time, each other after a gap."""
    gaps = tuple(int(each * MS) for each in gaps_ms)
    first = int(first_ms * MS)
    return Stream(first, first + sum(gaps), tokens or len(gaps) + 1, 10, gaps)
