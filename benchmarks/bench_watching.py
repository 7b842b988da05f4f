"""What watching takes of each request, part by part: a server's own parts, with everything on, are handed records.

    python -m benchmarks.bench_watching [--lots 150]

Lots are as those of a model that does nothing with 16 clients: 2100 requests in 300 runs, each asked alone, and those
of a run asked as one. Before each step of a part's turn caches are washed, as by what requests hold. Figures are
microseconds of processor time: on the event loop for each request, by part and in all, and of the longest step; of a
line, as the log's thread makes it; of a trace, as its thread makes and encodes it.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from array import array
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from inspect import isgenerator
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.results import keep
from headrace.alike import lot_of
from headrace.clock import LoopClock
from headrace.observe.bus import Bus
from headrace.observe.log_format import JsonFormatter
from headrace.observe.log_output import begin
from headrace.observe.metrics import Readings
from headrace.observe.request_line import run_line
from headrace.observing import Observation
from headrace.records import BatchRecord, BundleRecord, ModelEvent, Record, RequestRecord
from headrace.request_list import each_at
from headrace.settings import Config
from headrace.tracing.encoding import message, span_message
from headrace.tracing.spans import Kept, SpanMaker
from headrace.types import BatchFacts, ModelVersion

VERSION = ModelVersion("noop", 1)
RUNS, EACH = 300, 7
REQUESTS = RUNS * EACH
WASH = bytearray(4 << 20)


class TimedBus(Bus):
    """A bus that takes the time of those who listen."""

    def __init__(self) -> None:
        super().__init__()
        self.took_ns: defaultdict[str, list[int]] = defaultdict(list)  # of a lot
        self.at_once_ns: defaultdict[str, list[int]] = defaultdict(list)  # the longest of a lot

    def hand_on(self, lot: list[Record]) -> None:
        """All of it, on cold caches."""
        for record in lot:
            self(record)
        steps: defaultdict[str, list[int]] = defaultdict(list)
        steps["sorted"].append(_timed(self._take))
        while self._due:
            steps[_name(self._due[0][0])].append(_timed(self._hand_over))
        for name, each_ns in steps.items():
            self.took_ns[name].append(sum(each_ns))
            self.at_once_ns[name].append(max(each_ns))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lots", type=int, default=150)
    lots = parser.parse_args().lots
    alone, as_one = asyncio.run(_measure(lots, _lot)), asyncio.run(_measure(lots, _as_one))
    keep("watching", {**alone, "of those that are asked as one": as_one})


async def _measure(lots: int, make: Callable[[int], list[Record]]) -> dict[str, float]:
    bus = TimedBus()
    with tempfile.TemporaryDirectory() as folder:
        config = _config(Path(folder))
        output = begin(config.log)
        readings = Readings(lambda: 0, lambda: (), lambda: 0)
        Observation(config, bus, LoopClock(asyncio.get_running_loop()), readings, Path(folder), output)
        bus(ModelEvent("noop", 1, "READY", "", time.time(), 0.1))
        bus.flush()
        for number in range(lots):
            bus.hand_on(make(number))
            await asyncio.sleep(0.005)  # for the log's thread
        output.writer.close()
    parts, at_once = _usual(bus.took_ns), _usual(bus.at_once_ns)
    each = {name: round(ns / REQUESTS / 1e3, 4) for name, ns in sorted(parts.items(), key=lambda part: -part[1])}
    requests = [record for record in _lot(0) if isinstance(record, RequestRecord)]
    return {
        **{f"us a request, {name}": took for name, took in each.items()},
        "us a request, all on the loop": round(sum(each.values()), 4),
        "us at once, at most": max(round(ns / 1e3, 1) for ns in at_once.values()),
        "us a line": _best(partial(_lines, lot_of(make(0)).requests)) / RUNS,
        "us a trace": _best(lambda: _traces(requests[::EACH])) / RUNS,
    }


def _config(folder: Path) -> Config:
    config = Config()
    log = msgspec.structs.replace(config.log, format="json", file=str(folder / "log"))
    trace = msgspec.structs.replace(config.trace, endpoint="http://127.0.0.1:9")
    return msgspec.structs.replace(config, log=log, trace=trace)


def _lot(number: int) -> list[Record]:
    """That ended just now."""
    made: list[Record] = []
    end_ns = time.monotonic_ns() - RUNS * 1_000_000
    for run in range(RUNS):
        end_ns += 1_000_000
        facts = BatchFacts(EACH, EACH, "idle", 0, end_ns - 300_000, 10_000 + run, 12_000 + run, 5_000 + run, "", 30_000)
        made.append(BatchRecord(VERSION, facts, "", 50_000, (("", "serve", EACH),)))
        for place in range(EACH):
            at_ns = end_ns - 1_000 * place
            made.append(
                RequestRecord(
                    f"7587de2201-{number * 1000 + run * EACH + place:x}",
                    *(VERSION.name, VERSION.version, "http", 1),
                    *(at_ns - 900_000, at_ns - 890_000, end_ns + place, facts),
                    written_ns=end_ns + 20_000 + place,
                    admitted_ns=at_ns - 880_000,
                )
            )
    return made


def _as_one(number: int) -> list[Record]:
    """The same, those of a run asked as one."""
    made: list[Record] = []
    requests: list[RequestRecord] = []
    for record in _lot(number):
        if isinstance(record, RequestRecord):
            requests.append(record)
        else:
            made.append(record)
        if len(requests) == EACH:
            arrived_ns = array("q", [each.arrived_ns for each in requests])
            made.append(BundleRecord(requests[0], [each.id for each in requests], arrived_ns))
            requests = []
    return made


def _lines(requests: Sequence[RequestRecord]) -> None:
    """Of one in so many."""
    form, epoch_ns = JsonFormatter(), time.time_ns() - time.monotonic_ns()
    told = each_at(requests, range(0, REQUESTS, EACH))
    form.write_all([run_line(common, id_, arrived_ns, False, EACH, epoch_ns) for common, id_, arrived_ns in told])


def _traces(requests: list[RequestRecord]) -> None:
    maker = SpanMaker(time.time_ns() - time.monotonic_ns(), random.Random(1).getrandbits)
    message(b"", "1", [span_message(span) for span in maker.spans([Kept(request) for request in requests])])


def _best(act: Callable[[], None], times: int = 30) -> float:
    """Microseconds."""
    took_ns = list[int]()
    for _ in range(times):
        took_ns.append(_timed(act))
    return round(statistics.median(took_ns) / 1e3, 1)


def _timed(act: Callable[[], None]) -> int:
    """On cold caches."""
    bytes(WASH)
    began_ns = time.thread_time_ns()
    act()
    return time.thread_time_ns() - began_ns


def _usual(took_ns: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """Once all that is seldom is there."""
    return {name: statistics.median(took[len(took) // 3 :]) for name, took in took_ns.items()}


def _name(listen: Callable[..., Any]) -> str:
    while isinstance(listen, partial):
        (of, *_) = listen.args or (None,)
        if isgenerator(of):
            return of.__qualname__  # steps that are left
        listen = of if callable(of) else listen.func
    owner = getattr(listen, "__self__", None)
    return type(listen).__name__ if owner is None else f"{type(owner).__name__}.{listen.__name__}"


if __name__ == "__main__":
    main()
