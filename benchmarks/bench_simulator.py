"""The simulator against a real server: MiniLM under Poisson loads, its recorded arrivals replayed in simulated time.

    python -m benchmarks.bench_simulator [--loads 0.3,0.6,0.8,1.3,2.0] [--rounds 2] [--stretches 41] [--stretch 1.5]

Loads are shares of the saturating rate, measured next to each: what 16 clients that wait get. In each round each load
is made on a server of its own, in stretches, one right behind the other, that serve in turn to fit and to compare, each
with arrivals of its own. Only the fitted ones say how long runs take: all of them together what is usual of a size, the
one before and the one behind how quick the machine was in a stretch that is compared, and how unsteady. For a machine's
speed may change by a third every few seconds, so stretches are short, and what lies between two is about as quick as
they are. What requests take outside of the queue and their runs is drawn by lot from the fitted stretches. Client and
server share the cores, and how much they slow one another down depends on the load.

All stretches are simulated in a row, by several seeds, by a server that begins with what the real one knew; those to
be compared are compared. How far the fitted ones lie from them says how steady the machine was: no simulation is nearer
but by luck. What other programs took of the cores is told for each stretch, the client's part among it.

Each load of a round is kept in the folder --recorded: what is there is not made, but simulated again. With --only loads
are made and nothing is simulated.
"""

import argparse
import asyncio
import json
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from statistics import mean
from typing import Any, Self

import msgspec
import numpy as np
import uvloop

from benchmarks.recorded_runs import Answered, Kept, Usual, hop_ms, outside_ms, runs_of
from benchmarks.results import keep
from benchmarks.server import Address, children, headrace
from headrace.arrivals import POISSON, Arrival, Lengths, make_arrivals
from headrace.bench.address import parse_address
from headrace.bench.connection import Asking, Server
from headrace.bench.drive import Drive
from headrace.bench.samples import Sample
from headrace.bench.timerfd import TimerfdClock
from headrace.changes.machine import Watch
from headrace.changes.slots import Machine
from headrace.simulate.outcomes import ANSWERED, GIVEN_UP, REFUSED, Outcomes
from headrace.simulate.policies import Chosen
from headrace.simulate.scenario import Drift, Overheads, Scenario
from headrace.simulate.simulation import Simulation

MODEL, SLO_MS = "minilm", 100.0
LENGTHS = Lengths(24, 0.8, 5, 256)
CLIENTS, SATURATING_S = 16, 2.0
TIMEOUT_S = 30.0
SEEDS = 5
GOALS = {"throughput": 0.10, "p50_ms": 0.10, "p99_ms": 0.15, "p99_ms, ms": 3.0, "shed": 0.02}


class Stretch(msgspec.Struct):
    """A few seconds of a load. Times are the machine's."""

    began_ns: int
    seconds: float
    samples: list[Sample]  # in the order in which they were over
    known: Kept  # what the server knew of runs at the end
    others: float  # cores that the server did not take

    @property
    def answered(self) -> Iterator[Answered]:
        """What answers told of their runs."""
        for each in self.samples:
            if each.answer.verdict == "answered" and each.answer.batch:
                yield Answered(each.rows, each.length, each.latency_ms, each.answer.batch)

    @property
    def came_of(self) -> "CameOf":
        """As the client saw it."""
        until_ns = self.began_ns + self.seconds * 1e9
        answered = [each for each in self.samples if each.answer.verdict == "answered"]
        return CameOf(
            self.seconds,
            len(self.samples),
            sum(each.done_ns <= until_ns for each in answered),
            sum(each.answer.verdict == "shed" for each in self.samples),
            [each.latency_ms for each in answered],
        )


class CameOf(msgspec.Struct, frozen=True):
    """What became of the requests of a stretch."""

    seconds: float
    sent: int
    in_span: int  # answers that came while it lasted
    shed: int
    latencies_ms: list[float]


class Recorded(msgspec.Struct):
    """A load in stretches: to fit, to compare, to fit, and so on."""

    saturation: float
    known: Kept  # what the server knew of runs at the beginning
    instances: int
    stretches: list[Stretch]

    def simulated(self) -> list[CameOf]:
        """What becomes of each stretch, all seeds together: all in a row, by the server's own policy."""
        fitted, stretches = self.stretches[::2], self.stretches
        ran = [runs_of(each.answered) for each in fitted]
        hop = mean([hop_ms(runs, each.known) for runs, each in zip(ran, fitted, strict=True)])
        ran = [[run._replace(ms=run.ms + hop) for run in runs] for runs in ran]
        usual = Usual(run for runs in ran for run in runs)
        spells = [usual.spell(runs) for runs in ran]
        from_ns = [each.began_ns - stretches[0].began_ns for each in stretches]
        drifts = [  # a stretch that is compared lies between two that are not; the last may have none behind it
            Drift(begin_ns, usual.latency(spells[number // 2 : number // 2 + 1 + number % 2]))
            for number, begin_ns in enumerate(from_ns)
        ]
        outside = [ms for each in fitted for ms in outside_ms(each.answered)]
        scenario = Scenario(
            self.known,
            drifts,
            instances=self.instances,
            slo_ns=int(SLO_MS * 1e6),
            overheads=Overheads(out_by_lot_ns=[max(0, int((ms - hop) * 1e6)) for ms in outside]),
        )
        arrivals = [
            Arrival((each.scheduled_ns - stretches[0].began_ns) / 1e9, each.rows, each.length)
            for stretch in stretches
            for each in sorted(stretch.samples)
        ]
        spans = [
            (begin_ns / 1e9, begin_ns / 1e9 + each.seconds) for begin_ns, each in zip(from_ns, stretches, strict=True)
        ]
        parts = list[list[CameOf]]()
        for seed in range(SEEDS):
            outcomes = Simulation(msgspec.structs.replace(scenario, seed=seed), Chosen("deadline")).open(arrivals)
            parts.append([_came_of(outcomes, *span) for span in spans])
        return [_together(each) for each in zip(*parts, strict=True)]


def main() -> None:
    arguments = _arguments()
    arguments.recorded.mkdir(parents=True, exist_ok=True)
    loads: dict[float, list[Recorded]] = {share: [] for share in arguments.loads}
    for number in range(arguments.rounds):
        for share, made in loads.items():
            kept = arguments.recorded / f"{share}-{number}.json"
            if not kept.exists():
                load = recorded(share, arguments.stretches, arguments.stretch, seed=1000 * number)
                kept.write_bytes(msgspec.json.encode(load))
            made.append(msgspec.json.decode(kept.read_bytes(), type=Recorded))
    if not arguments.only:
        keep("simulator", {"goals": GOALS, "loads": {str(share): compared(made) for share, made in loads.items()}})


def compared(rounds: Sequence[Recorded]) -> dict[str, Any]:
    """Of one load: the stretches to compare, and how they are simulated with what was known of the others."""
    real = [[each.came_of for each in made.stretches] for made in rounds]
    simulated = [made.simulated() for made in rounds]
    fitted, others = slice(0, None, 2), slice(1, None, 2)

    def of(came_of: Sequence[Sequence[CameOf]], which: slice) -> dict[str, float]:
        return figures([each for made in came_of for each in made[which]])

    return {
        "saturation": [round(made.saturation, 1) for made in rounds],
        "seconds of a stretch": [made.stretches[0].seconds for made in rounds],
        "seconds compared": sum(each.seconds for made in real for each in made[others]),
        **_beside(of(real, others), of(simulated, others)),
        "fitted stretches, real": of(real, fitted),
        "fitted stretches, simulated": of(simulated, fitted),
        "cores of others, the client's among them": [
            round(mean([each.others for each in made.stretches]), 2) for made in rounds
        ],
    }


def recorded(share: float, stretches: int, stretch_s: float, seed: int) -> Recorded:
    """One load on a server of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        one_file(Path(folder)) as repository,
        headrace(repository) as server,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(_load(server, share, [seed + each for each in range(stretches)], stretch_s))


@contextmanager
def one_file(folder: Path) -> Iterator[Path]:
    """A repository of the model without its variants."""
    repository = folder / "repository"
    version = repository / MODEL / "1"
    version.mkdir(parents=True)
    (version / "model.onnx").symlink_to((Path("models") / MODEL / "1" / "model.onnx").resolve())
    yield repository


async def _load(server: Address, share: float, seeds: Sequence[int], stretch_s: float) -> Recorded:
    """Saturation, which the server also gets to know the machine by, then the stretches."""
    async with Client(server.http) as closed, Client(server.http, {"x-slo-ms": str(SLO_MS)}) as client:
        for _ in range(2):
            began_ns, samples = await closed.saturate(SATURATING_S)
        until_ns = began_ns + SATURATING_S * 1e9
        saturation = sum(each.done_ns <= until_ns for each in samples) / SATURATING_S
        told = _told(server.http)
        stretches, watch, pids = list[Stretch](), Watch(), {server.pid, *children(server.pid)}
        for seed in seeds:
            watch.look(time.monotonic(), pids)
            came = make_arrivals(POISSON, share * saturation, stretch_s, seed=seed, lengths=LENGTHS)
            began_ns, samples = await client.replay(came)
            machine = watch.look(time.monotonic(), pids)
            others = 0.0 if machine is None else float(machine[Machine.OTHERS])
            stretches.append(Stretch(began_ns, stretch_s, samples, _told(server.http)["latency"], others))
        return Recorded(saturation, told["latency"], told["instances"], stretches)


class Client:
    """One that asks as `headrace bench` does, and keeps what became of each request. Entered for as long as it asks."""

    def __init__(self, http: str, headers: Mapping[str, str] | None = None) -> None:
        self._clock = TimerfdClock(asyncio.get_running_loop())
        self._server = Server(
            Asking(parse_address(f"http://{http}", "http"), "http", MODEL, headers=headers or {}), self._clock
        )

    async def __aenter__(self) -> Self:
        self._source = self._server.source(await self._server.inputs(), (), 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()
        self._clock.close()

    async def saturate(self, seconds: float) -> tuple[int, list[Sample]]:
        """By clients that wait; when it began, and what came of it."""
        sizes = [Arrival(0.0, 1, length) for length in LENGTHS.draw(4096, np.random.default_rng(0))]
        drive = self._drive(sizes)
        drive.begin_closed(CLIENTS, cycle(sizes), seconds)
        await drive.finished
        return drive.started_ns, drive.samples

    async def replay(self, arrivals: Sequence[Arrival]) -> tuple[int, list[Sample]]:
        """When it began, and what came of it."""
        drive = self._drive(arrivals)
        drive.begin_open(arrivals)
        await drive.finished
        return drive.started_ns, drive.samples

    def _drive(self, arrivals: Sequence[Arrival]) -> Drive:
        self._source.prepare(arrivals)
        return Drive(self._server.wire, self._source, self._clock, TIMEOUT_S)


def _told(http: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://{http}/v2/headrace/models/{MODEL}/latency", timeout=5) as answer:
        told: dict[str, Any] = json.loads(answer.read())
        return told


def _came_of(outcomes: Outcomes, from_s: float, until_s: float) -> CameOf:
    """Of the requests that were sent within a span."""
    due, done = np.frombuffer(outcomes.due_ns, np.int64) / 1e9, np.frombuffer(outcomes.done_ns, np.int64) / 1e9
    verdicts = np.frombuffer(outcomes.verdicts, np.uint8)
    there = (due >= from_s) & (due < until_s)
    answered = there & (verdicts == ANSWERED)
    shed = there & ((verdicts == REFUSED) | (verdicts == GIVEN_UP))
    took = (done - due)[answered] * 1e3
    in_span = int((answered & (done <= until_s)).sum())
    return CameOf(until_s - from_s, int(there.sum()), in_span, int(shed.sum()), took.tolist())


def _together(parts: Sequence[CameOf]) -> CameOf:
    return CameOf(
        sum(each.seconds for each in parts),
        sum(each.sent for each in parts),
        sum(each.in_span for each in parts),
        sum(each.shed for each in parts),
        [took for each in parts for took in each.latencies_ms],
    )


def figures(parts: Sequence[CameOf]) -> dict[str, float]:
    """Of stretches together."""
    all_of = _together(parts)
    p50, p90, p99 = np.percentile(all_of.latencies_ms, (50, 90, 99)).tolist()
    return {
        "throughput": round(all_of.in_span / all_of.seconds, 2),
        "shed": round(all_of.shed / all_of.sent, 4),
        "p50_ms": round(p50, 2),
        "p90_ms": round(p90, 2),
        "p99_ms": round(p99, 2),
        "mean_ms": round(mean(all_of.latencies_ms), 2),
    }


def _beside(real: dict[str, float], simulated: dict[str, float]) -> dict[str, Any]:
    pairs = {name: [value, simulated[name]] for name, value in real.items()}
    off = {name: round(pairs[name][1] / pairs[name][0] - 1, 3) for name in ("throughput", "p50_ms", "p99_ms")}
    near = {
        "throughput": abs(off["throughput"]) <= GOALS["throughput"],
        "p50": abs(off["p50_ms"]) <= GOALS["p50_ms"],
        "p99": abs(off["p99_ms"]) <= GOALS["p99_ms"]
        or abs(pairs["p99_ms"][1] - pairs["p99_ms"][0]) <= GOALS["p99_ms, ms"],
        "shed": abs(pairs["shed"][1] - pairs["shed"][0]) <= GOALS["shed"],
    }
    return {"real, simulated": pairs, "off": off, "within the goals": near}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--loads", type=lambda text: [float(each) for each in text.split(",")], default="0.3,0.6,0.8,1.3,2.0"
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--stretches", type=int, default=41, help="of each load; every second is compared")
    parser.add_argument("--stretch", type=float, default=1.5, help="seconds of each stretch")
    parser.add_argument("--recorded", type=Path, default=Path(tempfile.mkdtemp()), help="where loads are kept")
    parser.add_argument("--only", action="store_true", help="make the loads, and compare nothing")
    return parser.parse_args()


if __name__ == "__main__":
    main()
