"""A whole measurement, in order: warm up, each load for its time, the search; what is measured is kept as it comes."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from headrace.arrivals import Arrival, at_rate, lasts_s, make_arrivals, within
from headrace.bench.drive import Drive
from headrace.bench.load import Closed, Load, Open, Plan
from headrace.bench.phases import Reading, ServerPhases, between
from headrace.bench.report import Found, Step
from headrace.bench.samples import Sample
from headrace.bench.search import Search
from headrace.bench.summary import summarise
from headrace.bench.wire import Source, Wire
from headrace.clock import Clock

CYCLE = 4096  # sizes of closed loops are drawn once and come again
SATURATING = Closed(16)
SATURATING_S = 3.0
TICK_NS = 100_000_000
_SECOND = 1e9


class Watcher(Protocol):
    """Is told how far it is."""

    def begin(self, label: str, duration_s: float) -> None: ...

    def progress(self, elapsed_s: float, answered: int, in_flight: int) -> None: ...

    def measured(self, step: Step) -> None: ...


class Session:
    """Runs a plan once. `steps` and `found` hold what is measured so far, also where it ends before its time."""

    def __init__(
        self,
        plan: Plan,
        wire: Wire,
        source: Source,
        clock: Clock,
        watcher: Watcher,
        *,
        reading: Callable[[], Awaitable[Reading | None]],
        cpu_s: Callable[[], float] = time.process_time,
    ) -> None:
        self.steps: list[Step] = []
        self.found: Found | None = None
        self.last_arrivals: list[Arrival] = []  # of the last step, as they were sent
        self.ended = ""
        self._plan = plan
        self._wire = wire
        self._source = source
        self._clock = clock
        self._watcher = watcher
        self._reading = reading
        self._cpu_s = cpu_s

    async def run(self) -> None:
        """Measure; `ended` says why where it could not be done to its end."""
        plan = self._plan
        if plan.warmup_s > 0:
            first = plan.loads[0] if plan.loads else SATURATING
            await self._measure(first, plan.warmup_s, "warming up")
        if plan.find_max:
            await self._find_max()
            return
        for load in plan.loads:
            if self.ended:
                return
            await self._step(load, plan.duration_s)

    async def _find_max(self) -> None:
        plan = self._plan
        start = next((each.rate for each in plan.loads if isinstance(each, Open)), None)
        if start is None and not self.ended:
            step = await self._step(SATURATING, min(SATURATING_S, plan.duration_s))
            start = 0.8 * step.throughput
        if not start:
            self.ended = self.ended or "nothing was answered in time to begin the search with; give --rate"
            return
        search = Search(start, attainment=plan.attainment, precision=plan.precision)
        goodput = 0.0
        while not self.ended and (rate := search.next_rate()) is not None:
            step = await self._step(Open(rate), plan.duration_s)
            if self.ended:
                break
            if search.observe(step.sent, step.outcomes.in_time) == "holds":
                goodput = max(goodput, step.goodput)
        self.found = Found(
            rate=_rounded(search.lower),
            fails_at=_rounded(search.upper if search.upper < float("inf") else 0.0),
            goodput=goodput or None,
            attainment=plan.attainment,
            tried=[
                (round(each.rate, 3), each.count, round(each.in_time / each.sent, 5))
                for each in search.tries
                if each.sent
            ],
        )

    async def _step(self, load: Load, duration_s: float) -> Step:
        step = await self._measure(load, duration_s, load.label)
        self.steps.append(step)
        self._watcher.measured(step)
        return step

    async def _measure(self, load: Load, duration_s: float, label: str) -> Step:
        arrivals = self._arrivals(load, duration_s)
        duration_s = self._duration_s(load, arrivals, duration_s)
        before = await self._read()
        drive = Drive(self._wire, self._source, self._clock, self._plan.timeout_s)
        self._watcher.begin(label, duration_s)
        cpu = _Cpu(self._cpu_s(), self._clock.now_ns())
        until_ns = cpu.began_ns + int(duration_s * _SECOND)
        self._clock.call_at(until_ns, lambda: cpu.end(self._cpu_s(), self._clock.now_ns()))
        self._tell(drive, cpu.began_ns)
        held_back = self._wire.held_back
        try:
            if isinstance(load, Open):
                drive.begin_open(arrivals)
            else:
                drive.begin_closed(load.concurrency, self._sizes(load), duration_s)
            await drive.finished
        except asyncio.CancelledError:  # by Ctrl-C: what is measured so far is a result too
            drive.stop("interrupted")
        cpu.end(self._cpu_s(), self._clock.now_ns())
        server = await self._server(before)
        self.ended = self.ended or drive.ended
        self.last_arrivals = sent(drive.samples, drive.started_ns)
        if drive.ended:
            duration_s = min(duration_s, max(cpu.wall_s, 1e-3))
        return summarise(
            drive.samples,
            load,
            self._plan.objective,
            started_ns=drive.started_ns,
            duration_s=duration_s,
            cpu=cpu.share,
            given_up=drive.given_up,
            held_back=self._wire.held_back - held_back,
            ended=drive.ended,
            server=server,
        )

    def _arrivals(self, load: Load, duration_s: float) -> list[Arrival]:
        """Of an open loop; each rate has a seed of its own, and the same at every try would hide luck."""
        plan = self._plan
        if not isinstance(load, Open):
            return []
        if plan.trace:
            trace = at_rate(plan.trace, load.rate) if load.rate else list(plan.trace)
            arrivals = within(trace, duration_s)
        else:
            seed = plan.seed + len(self.steps)
            arrivals = make_arrivals(
                plan.process, load.rate, duration_s, seed=seed, lengths=plan.lengths, rows=plan.rows
            )
        self._source.prepare(arrivals)
        return arrivals

    def _duration_s(self, load: Load, arrivals: Sequence[Arrival], duration_s: float) -> float:
        """A trace may be shorter than the time that it is given."""
        if isinstance(load, Open) and self._plan.trace:
            return min(duration_s, lasts_s(arrivals) if arrivals else duration_s)
        return duration_s

    def _sizes(self, load: Closed) -> Iterator[Arrival]:
        plan = self._plan
        if plan.trace:
            sizes = list(plan.trace)
        elif plan.lengths:
            random = np.random.default_rng([plan.seed + len(self.steps), 1])
            sizes = [Arrival(0.0, plan.rows, length) for length in plan.lengths.draw(CYCLE, random)]
        else:
            sizes = [Arrival(0.0, plan.rows)]
        self._source.prepare(sizes)
        return itertools.cycle(sizes)

    def _tell(self, drive: Drive, began_ns: int) -> None:
        if not drive.finished.done():
            now_ns = self._clock.now_ns()
            self._watcher.progress((now_ns - began_ns) / _SECOND, len(drive.samples), drive.in_flight)
            self._clock.call_at(now_ns + TICK_NS, lambda: self._tell(drive, began_ns))

    async def _read(self) -> Reading | None:
        if not self._plan.server_stats:
            return None
        try:
            return await self._reading()
        except ConnectionError:
            return None

    async def _server(self, before: Reading | None) -> ServerPhases | None:
        if before is None or self.ended:
            return None
        after = await self._read()
        return between(before, after) if after else None


class _Cpu:
    """The client's processor time, and how long it was watched; the first end counts."""

    def __init__(self, cpu_s: float, began_ns: int) -> None:
        self.began_ns = began_ns
        self.share = 0.0
        self.wall_s = 0.0
        self._cpu_s = cpu_s

    def end(self, cpu_s: float, now_ns: int) -> None:
        if not self.wall_s and now_ns > self.began_ns:
            self.wall_s = (now_ns - self.began_ns) / _SECOND
            self.share = (cpu_s - self._cpu_s) / self.wall_s


def sent(samples: Sequence[Sample], started_ns: int) -> list[Arrival]:
    """A run as a trace: when each was due, and its size."""
    ordered = sorted(samples, key=lambda each: each.scheduled_ns)
    return [
        Arrival(max(0.0, (each.scheduled_ns - started_ns) / _SECOND), each.rows, each.length, each.tenant)
        for each in ordered
    ]


def _rounded(value: float) -> float | None:
    return round(value, 3) or None
