"""The simulator against a real server: MiniLM under Poisson loads, its recorded arrivals replayed in simulated time.

    python -m benchmarks.bench_simulator [--loads 0.3,0.6,0.8,1.3,2.0] [--seconds 16] [--fit-seconds 12]
        [--measured FILE]

Loads are shares of the saturating rate, measured next to each: what 16 clients that wait get. Before and after each
measured load the server is loaded as much with other arrivals, and asked meanwhile what its runs take: the simulation
has the times of these other runs, their spread and the machine's pace among them. Their arrivals are simulated too: by
how much real medians are longer is what a request takes outside of the queue and its run. Client and server share the
cores, and how much they slow one another down depends on the load; so it is fitted at each. How far these other runs
lie apart from one another says how steady the machine was: no simulation can be nearer than that.

What was measured is kept in --measured; where that file is there, nothing is measured and it is simulated again.
"""

import argparse
import contextlib
import json
import math
import statistics
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.results import keep
from benchmarks.server import headrace
from headrace.arrivals import Arrival, read_trace
from headrace.simulate.figures import Figures, measure
from headrace.simulate.policies import Chosen
from headrace.simulate.scenario import Overheads, Scenario
from headrace.simulate.simulation import Simulation

MODEL, SLO_MS = "minilm", 100.0
LENGTHS = "lognormal:24:0.8:5:256"
POLL_S = 0.25
SATURATING_S = 3.0
GOALS = {"throughput": 0.10, "p50_ms": 0.10, "p99_ms": 0.15, "p99_ms, ms": 3.0, "shed": 0.02}

Step = dict[str, Any]
Ran = tuple[float, int]
"""How many times the typical run one took, and how many us that is."""


def main() -> None:
    arguments = _arguments()
    if not arguments.measured.exists():
        arguments.measured.write_bytes(msgspec.json.encode(measured(arguments)))
    loads = msgspec.json.decode(arguments.measured.read_bytes(), type=dict[str, Measured])
    compared = {share: {"saturation": each.saturation, **each.compared()} for share, each in loads.items()}
    keep("simulator", {"goals": GOALS, "loads": compared})


def measured(arguments: argparse.Namespace) -> "dict[str, Measured]":
    """Each load, one after the other on one server."""
    with (
        tempfile.TemporaryDirectory() as folder,
        one_file(Path(folder)) as repository,
        headrace(repository) as address,
    ):
        bench = Bench(address.http, Path(folder))
        return {
            str(share): bench.load(share, arguments.seconds, arguments.fit_seconds, number)
            for number, share in enumerate(arguments.loads)
        }


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

    def __init__(self, http: str, folder: Path) -> None:
        self._http = http
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

    def load(self, share: float, seconds: float, fit_seconds: float, number: int) -> "Measured":
        """A load, and others like it before and after."""
        saturation = self.step("--concurrency", "16", seconds=SATURATING_S, seed=90 + number)["throughput"]
        polls, steps, traces = [Polls(self._http), Polls(self._http)], list[Step](), list[str]()

        def loaded(seconds: float, seed: int) -> None:
            trace = self._folder / "trace.jsonl"
            steps.append(self.step("--rate", str(share * saturation), seconds=seconds, seed=seed, record=trace))
            traces.append(trace.read_text())

        with polls[0]:
            loaded(fit_seconds / 2, 1000 + number)
        loaded(seconds, number)
        with polls[1]:
            loaded(fit_seconds / 2, 2000 + number)
        return Measured(saturation, steps, traces, [each.found for each in polls], polls[0].instances)


class Measured(msgspec.Struct):
    """A load between two others of the same rate."""

    saturation: float
    steps: list[Step]
    traces: list[str]  # what came, as it was recorded
    polls: list[list[dict[str, Any]]]  # what was known of runs during the first and the last
    instances: int

    def compared(self) -> dict[str, Any]:
        """As it was, and as it is simulated with what was known of the others."""
        first, real, last = self.steps
        traces = [read_trace(each, "jsonl") for each in self.traces]
        latency = settled(self.polls)
        scenario = Scenario(latency, instances=self.instances, slo_ns=int(SLO_MS * 1e6))
        outside = outside_ns(scenario, [(first, traces[0]), (last, traces[2])])
        halved = Overheads(in_ns=outside // 2, out_ns=outside - outside // 2)
        overheads = msgspec.structs.replace(scenario, overheads=halved)
        figures = simulated(overheads, traces[1], real["duration_s"], traces[0], first["duration_s"])
        others = {name: [first[name], last[name]] for name in ("throughput", "p50_ms", "p99_ms", "shed")}
        return {
            **_beside(real, figures),
            "other runs, before and after": others,
            "outside the run, ms": outside / 1e6,
            "client_cpu": real["client_cpu"],
        }


def simulated(
    scenario: Scenario,
    arrivals: Sequence[Arrival],
    seconds: float,
    before: Sequence[Arrival] = (),
    before_s: float = 0.0,
) -> Figures:
    """The same arrivals, by the server's own policy, which has learnt from those before as the real one has."""
    simulation = Simulation(scenario, Chosen("deadline"))
    later = [msgspec.structs.replace(each, offset_s=each.offset_s + before_s) for each in arrivals]
    simulation.open([each for each in before if each.offset_s < before_s] + later)
    until_s = before_s + seconds
    return measure(simulation.outcomes, simulation.runs, until_s, scenario.instances, scenario.slo_ns, before_s)


def outside_ns(scenario: Scenario, runs: Sequence[tuple[Step, Sequence[Arrival]]]) -> int:
    """By how much real medians are longer than simulated ones without it."""
    off = [
        step["p50_ms"] - (simulated(scenario, trace, step["duration_s"]).p50_ms or 0.0)
        for step, trace in runs
        if step["p50_ms"] is not None
    ]
    return int(1e6 * max(0.0, statistics.mean(off))) if off else 0


class Polls:
    """Asks, while it is entered, what the model's runs take."""

    def __init__(self, http: str) -> None:
        self.found: list[dict[str, Any]] = []
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


def settled(runs: Sequence[Sequence[dict[str, Any]]]) -> dict[str, Any]:
    """What was known after the first of these runs, at the median pace of all; the spread is that around it, the
    machine's moods in it. What a run's first poll knows is of what was before."""
    paces = [each["alone"] or 0.0 for polls in runs for each in polls]
    middle = statistics.median(paces)
    found = list[Ran]()
    for polls in runs:
        for before, now in pairwise(polls):
            off = math.exp((now["alone"] or 0.0) - middle)
            found += [(ratio * off, round(us / off)) for ratio, us in new_of(_spread(before), _spread(now))]
    known = runs[0][-1]
    margin = {**known["margin"], "ratios": [ratio for ratio, _ in found], "typical_us": [us for _, us in found]}
    return {**known, "alone": middle, "margin": margin}


def _spread(latency: dict[str, Any]) -> list[Ran]:
    margin = latency["margin"]
    return list(zip(margin["ratios"], margin["typical_us"], strict=True))


def new_of(before: Sequence[Ran], now: Sequence[Ran]) -> Sequence[Ran]:
    """What has come to the end, where as much may have gone at the beginning."""
    for gone in range(len(before)):
        kept = before[gone:]
        if now[: len(kept)] == kept:
            return now[len(kept) :]
    return now


def _beside(real: Step, simulated: Figures) -> dict[str, Any]:
    names = ("throughput", "goodput", "attainment", "shed", "p50_ms", "p90_ms", "p99_ms", "mean_ms")
    pairs = {name: [real[name], getattr(simulated, name)] for name in names}
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
    parser.add_argument("--seconds", type=float, default=16.0)
    parser.add_argument("--fit-seconds", type=float, default=12.0)
    parser.add_argument("--measured", type=Path, default=Path(tempfile.mkdtemp()) / "measured.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
