"""The simulator against a real server: MiniLM under Poisson loads, its recorded arrivals replayed in simulated time.

    python -m benchmarks.bench_simulator [--loads 0.3,0.6,0.8,1.3,2.0] [--seconds 60] [--stretch 6] [--measured FILE]

Loads are shares of the saturating rate, measured next to each: what 16 clients that wait get. Each load is made in
stretches that serve in turn to fit and to compare, each with arrivals of its own: a machine's speed drifts, and what
lies between two stretches is about as quick as they are. The fit is of its stretches alone: what runs take, and how
they follow one another, is told by the server, which is asked meanwhile (`polled_runs.py`); by how much the real median
is longer than the simulated one is what a request takes outside of the queue and its run. Client and server share the
cores, and how much they slow one another down depends on the load.

All stretches are simulated in a row, as the server's policy learnt in all of them, by several seeds; those to be
compared are compared. How far the fitted ones lie from them says how steady the machine was: no simulation is nearer
but by luck. What other programs took of the cores is told for each stretch, the client's part among it.

What was measured is kept in --measured; loads that are in that file are not measured, but simulated again.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.polled_runs import Poll, one_latency
from benchmarks.results import keep
from benchmarks.server import Address, children, headrace
from headrace.arrivals import Arrival, read_trace
from headrace.changes.machine import Watch
from headrace.changes.slots import Machine
from headrace.simulate.outcomes import ANSWERED, GIVEN_UP, REFUSED, Outcomes
from headrace.simulate.policies import Chosen
from headrace.simulate.scenario import Overheads, Scenario
from headrace.simulate.simulation import Simulation

MODEL, SLO_MS = "minilm", 100.0
LENGTHS = "lognormal:24:0.8:5:256"
POLL_S = 0.25
SATURATING_S = 3.0
BETWEEN_S = 1.5  # stretches: about what a client takes to start and to warm up
SEEDS = 5
GOALS = {"throughput": 0.10, "p50_ms": 0.10, "p99_ms": 0.15, "p99_ms, ms": 3.0, "shed": 0.02}

Step = dict[str, Any]


def main() -> None:
    arguments = _arguments()
    kept = arguments.measured
    loads = msgspec.json.decode(kept.read_bytes(), type=dict[str, Measured]) if kept.exists() else {}
    missing = [share for share in arguments.loads if str(share) not in loads]
    if missing:
        loads |= measured(missing, arguments.seconds, arguments.stretch)
        kept.write_bytes(msgspec.json.encode(loads))
    compared = {share: {"saturation": each.saturation, **each.compared()} for share, each in loads.items()}
    keep("simulator", {"goals": GOALS, "loads": compared})


def measured(loads: Sequence[float], seconds: float, stretch_s: float) -> "dict[str, Measured]":
    """Each load, one after the other on one server."""
    with (
        tempfile.TemporaryDirectory() as folder,
        one_file(Path(folder)) as repository,
        headrace(repository) as address,
    ):
        bench = Bench(address, Path(folder))
        bench.step("--concurrency", "16", seconds=SATURATING_S, seed=89)  # it gets to know the machine
        return {str(share): bench.load(share, seconds, stretch_s) for share in loads}


@contextlib.contextmanager
def one_file(folder: Path) -> Iterator[Path]:
    """A repository of the model without its variants."""
    repository = folder / "repository"
    version = repository / MODEL / "1"
    version.mkdir(parents=True)
    (version / "model.onnx").symlink_to((Path("models") / MODEL / "1" / "model.onnx").resolve())
    yield repository


class Bench:
    """One server, asked by `headrace bench`."""

    def __init__(self, address: Address, folder: Path) -> None:
        self._http = address.http
        self._server = address.pid
        self._folder = folder

    def step(self, *load: str, seconds: float, seed: int, record: Path | None = None) -> Step:
        """One load."""
        out = self._folder / "out.json"
        command = [sys.executable, "-m", "headrace", "bench", f"http://{self._http}", MODEL, *load]
        command += ["--duration", str(seconds), "--warmup", "0.5", "--seed", str(seed), "--lengths", LENGTHS]
        command += ["--json", str(out)]
        if load[0] == "--rate":
            command += ["--slo-ms", str(SLO_MS), "--send-slo"]
        if record:
            command += ["--record", str(record)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        step: Step = json.loads(out.read_text())["steps"][0]
        return step

    def load(self, share: float, seconds: float, stretch_s: float) -> "Measured":
        """Stretches of a load, of which every second is compared; so many seconds of these."""
        saturation = self.step("--concurrency", "16", seconds=SATURATING_S, seed=90)["throughput"]
        stretches, instances = list[Stretch](), 1
        for number in range(2 * round(seconds / stretch_s) + 1):
            polls, trace, watch = Polls(self._http), self._folder / "trace.jsonl", Watch()
            pids = {self._server, *children(self._server)}
            watch.look(time.monotonic(), pids)
            with polls:
                rate, seed = str(share * saturation), int(1000 * share) + number
                step = self.step("--rate", rate, seconds=stretch_s, seed=seed, record=trace)
            machine = watch.look(time.monotonic(), pids)
            others = 0.0 if machine is None else float(machine[Machine.OTHERS])
            stretches.append(Stretch(step, trace.read_text(), polls.found, others))
            instances = polls.instances
        return Measured(saturation, stretches, instances)


class Stretch(msgspec.Struct):
    """A few seconds of a load."""

    step: Step
    trace: str  # what came, as it was recorded
    polls: list[Poll]  # what was known of runs meanwhile
    others: float  # cores that neither the server nor this program took

    def arrivals(self, from_s: float) -> list[Arrival]:
        """As if it began then."""
        came = [each for each in read_trace(self.trace, "jsonl") if each.offset_s < self.seconds]
        return [msgspec.structs.replace(each, offset_s=each.offset_s + from_s) for each in came]

    @property
    def seconds(self) -> float:
        seconds: float = self.step["duration_s"]
        return seconds

    @property
    def came_of(self) -> "CameOf":
        """As the client saw it."""
        outcomes, cdf = self.step["outcomes"], self.step["cdf_ms"]
        answered = outcomes["in_time"] + outcomes["late"]
        shares = (np.arange(answered) + 0.5) / max(answered, 1)
        latencies = np.interp(shares, np.linspace(0, 1, len(cdf)), cdf) if answered else np.zeros(0)
        in_span = round(self.step["throughput"] * self.seconds)
        return CameOf(self.seconds, self.step["sent"], in_span, outcomes["shed"], latencies.tolist())


class CameOf(msgspec.Struct, frozen=True):
    """What became of the requests of a stretch."""

    seconds: float
    sent: int
    in_span: int  # answers that came while it lasted
    shed: int
    latencies_ms: list[float]


class Measured(msgspec.Struct):
    """Stretches of one load: to fit, to compare, to fit, and so on."""

    saturation: float
    stretches: list[Stretch]
    instances: int

    def compared(self) -> dict[str, Any]:
        """Those to compare, and how they are simulated with what was known of the others."""
        fitted, others = self.stretches[::2], self.stretches[1::2]
        latency = one_latency([each.polls for each in fitted])
        plain = Scenario(latency, instances=self.instances, slo_ns=int(SLO_MS * 1e6))
        fit = figures([each.came_of for each in fitted])
        outside_ms = max(0.0, fit["p50_ms"] - figures(simulated(plain, self.stretches)[::2])["p50_ms"])
        halved = Overheads(in_ns=int(outside_ms * 5e5), out_ns=int(outside_ms * 5e5))
        came_of = simulated(msgspec.structs.replace(plain, overheads=halved), self.stretches)
        return {
            **_beside(figures([each.came_of for each in others]), figures(came_of[1::2])),
            "fitted stretches": fit,
            "outside the run, ms": round(outside_ms, 2),
            "cores of others, the client's among them": [round(each.others, 2) for each in self.stretches],
        }


def simulated(scenario: Scenario, stretches: Sequence[Stretch]) -> list[CameOf]:
    """What becomes of each stretch, all seeds together: all in a row, by the server's own policy."""
    begins, arrivals, from_s = list[float](), list[Arrival](), 0.0
    for each in stretches:
        begins.append(from_s)
        arrivals += each.arrivals(from_s)
        from_s += each.seconds + BETWEEN_S
    spans = [(begin, begin + each.seconds) for begin, each in zip(begins, stretches, strict=True)]
    parts = list[list[CameOf]]()
    for seed in range(SEEDS):
        outcomes = Simulation(msgspec.structs.replace(scenario, seed=seed), Chosen("deadline")).open(arrivals)
        parts.append([_came_of(outcomes, *span) for span in spans])
    return [_together(each) for each in zip(*parts, strict=True)]


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
        "mean_ms": round(statistics.mean(all_of.latencies_ms), 2),
    }


class Polls:
    """Asks, while it is entered, what the model's runs take."""

    def __init__(self, http: str) -> None:
        self.found: list[Poll] = []
        self.instances = 1
        self._url = f"http://{http}/v2/headrace/models/{MODEL}/latency"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._over.wait(POLL_S):
            with contextlib.suppress(urllib.error.URLError), urllib.request.urlopen(self._url, timeout=5) as answer:
                told = json.loads(answer.read())
                self.instances = told["instances"]
                self.found.append(told["latency"])


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
    parser.add_argument("--seconds", type=float, default=60.0, help="of each load, that are compared")
    parser.add_argument("--stretch", type=float, default=6.0, help="seconds of each stretch")
    parser.add_argument("--measured", type=Path, default=Path(tempfile.mkdtemp()) / "measured.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
