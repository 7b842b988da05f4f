"""The simulator against a real server: MiniLM under Poisson loads, its recorded arrivals replayed in simulated time.

    python -m benchmarks.bench_simulator [--loads 0.3,0.6,0.8,1.3,2.0] [--seconds 60] [--fit-seconds 20]

Loads are shares of the saturating rate: what 16 clients that wait get. Before and after each measured load the server
is loaded as much with other arrivals, and asked meanwhile what its runs take: the simulation has the times of these
other runs, their spread and the machine's pace among them, and the overheads that clients saw then. Client and server
share the cores, and how much they slow one another down depends on the load; so it is fitted at each. How far these
other runs lie apart from one another says how steady the machine was: no simulation can be nearer than that.
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

from benchmarks.results import keep
from benchmarks.server import headrace
from headrace.arrivals import read_trace
from headrace.simulate.figures import Figures, measure
from headrace.simulate.policies import Chosen
from headrace.simulate.scenario import Overheads, Scenario
from headrace.simulate.simulation import Simulation

MODEL, SLO_MS = "minilm", 100.0
LENGTHS = "lognormal:24:0.8:5:256"
POLL_S = 0.25
GOALS = {"throughput": 0.10, "p50_ms": 0.10, "p99_ms": 0.15, "p99_ms, ms": 3.0, "shed": 0.02}

Step = dict[str, Any]


def main() -> None:
    arguments = _arguments()
    with (
        tempfile.TemporaryDirectory() as folder,
        one_file(Path(folder)) as repository,
        headrace(repository) as address,
    ):
        bench = Bench(address.http, Path(folder))
        bench.step("--concurrency", "16", seconds=2.0, seed=99)
        saturation = bench.step("--concurrency", "16", seconds=min(10.0, arguments.seconds), seed=98)["throughput"]
        loads = {
            str(share): bench.compared(share * saturation, arguments.seconds, arguments.fit_seconds, number)
            for number, share in enumerate(arguments.loads)
        }
    keep("simulator", {"seconds": arguments.seconds, "saturation": saturation, "goals": GOALS, "loads": loads})


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

    def compared(self, rate: float, seconds: float, fit_seconds: float, number: int) -> dict[str, Any]:
        """A load as it was, and as it is simulated with what was known of others before."""
        trace = self._folder / "trace.jsonl"
        before, after = Polls(self._http), Polls(self._http)
        with before:
            first = self.step("--rate", str(rate), seconds=fit_seconds / 2, seed=1000 + number)
        real = self.step("--rate", str(rate), seconds=seconds, seed=number, record=trace)
        with after:
            last = self.step("--rate", str(rate), seconds=fit_seconds / 2, seed=2000 + number)
        scenario = Scenario(
            settled([before.found, after.found]),
            instances=before.instances,
            overheads=overheads([first, last]),
            slo_ns=int(SLO_MS * 1e6),
        )
        simulation = Simulation(scenario, Chosen("deadline"))
        simulation.open(read_trace(trace.read_text(), "jsonl"))
        figures = measure(simulation.outcomes, simulation.runs, seconds, before.instances, scenario.slo_ns)
        others = {name: [first[name], last[name]] for name in ("throughput", "p50_ms", "p99_ms", "shed")}
        return {**_beside(real, figures), "other runs, before and after": others, "client_cpu": real["client_cpu"]}


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
    ratios = list[float]()
    for polls in runs:
        for before, now in pairwise(polls):
            off = math.exp((now["alone"] or 0.0) - middle)
            ratios += [ratio * off for ratio in new_of(before["margin"]["ratios"], now["margin"]["ratios"])]
    known = runs[0][-1]
    return {**known, "alone": middle, "margin": {**known["margin"], "ratios": ratios}}


def new_of(before: Sequence[float], now: Sequence[float]) -> Sequence[float]:
    """What has come to the end, where as much may have gone at the beginning."""
    for gone in range(len(before)):
        kept = before[gone:]
        if now[: len(kept)] == kept:
            return now[len(kept) :]
    return now


def overheads(steps: Sequence[Step]) -> Overheads:
    """What clients waited for besides the queue and the run; half of it before."""
    told = [
        (each["mean_ms"], each["batches"]["queue_ms"]["mean"], each["batches"]["compute_ms"]["mean"]) for each in steps
    ]
    outside_ns = 1e6 * max(0.0, statistics.mean(mean - queue - compute for mean, queue, compute in told))
    return Overheads(in_ns=int(outside_ns / 2), out_ns=int(outside_ns / 2))


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
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--fit-seconds", type=float, default=20.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
