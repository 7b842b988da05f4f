"""MLCommons' LoadGen as the one who asks, our wires as the way to the server. Never an MLPerf result: see `NOTE`.

LoadGen runs in a thread of its own and asks from there; requests are sent and answered on the event loop.
"""

import asyncio
import tempfile
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec

from headrace.arrivals import Arrival
from headrace.bench.report import NOT_MLPERF
from headrace.bench.samples import Answer
from headrace.bench.wire import Source, Wire

Scenario = Literal["singlestream", "server", "offline"]
NOTE = f"{NOT_MLPERF}: driven by LoadGen, neither run by its rules nor reviewed by MLCommons"
IN_FLIGHT = 64  # of an offline query, which has all its samples at once
EXPECTED_NS = 200_000  # of one alone: LoadGen makes so many queries that they last long enough at this
SUMMARY, MARK = "mlperf_log_summary.txt", "NOT_AN_MLPERF_RESULT.txt"


class Settings(msgspec.Struct, frozen=True):
    """What LoadGen is told; the rest are its defaults."""

    scenario: Scenario
    duration_s: float
    rate: float = 100.0  # of the server's scenario, a second; of the others what is expected
    latency_ms: float = 100.0  # of the server's scenario: its bound
    seed: int = 0


class LoadGenResult(msgspec.Struct, frozen=True):
    """What LoadGen summed up, and what became of the samples."""

    note: str
    scenario: Scenario
    answered: int
    failed: int
    first_failure: str
    summary: dict[str, str]


def available() -> str:
    """Empty where LoadGen is installed; else what to do."""
    try:
        import mlperf_loadgen  # noqa: F401
    except ImportError:
        return "LoadGen is not installed: pip install 'headrace[mlperf]'"
    return ""


async def run_loadgen(
    settings: Settings, wire: Wire, source: Source, sizes: Sequence[Arrival], logs: Path | None = None
) -> LoadGenResult:
    """One run of a scenario; its logs stay in `logs`, where one is given."""
    source.prepare(sizes)
    answering = Answering(wire, source, sizes, asyncio.get_running_loop())
    with tempfile.TemporaryDirectory() as temporary:
        folder = logs or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).write_text(f"{NOTE}\n")
        await asyncio.to_thread(_start, settings, answering, len(sizes), folder)
        summary = read_summary((folder / SUMMARY).read_text())
    return LoadGenResult(
        NOTE, settings.scenario, answering.answered, answering.failed, answering.first_failure, summary
    )


def read_summary(text: str) -> dict[str, str]:
    """The lines `name : value` of LoadGen's summary."""
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip() and value.strip()}


class Answering:
    """Sends what LoadGen issues. Each sample is completed, also where it failed: LoadGen waits for all of them."""

    def __init__(self, wire: Wire, source: Source, sizes: Sequence[Arrival], loop: asyncio.AbstractEventLoop) -> None:
        self.answered = 0
        self.failed = 0
        self.first_failure = ""
        self._wire = wire
        self._source = source
        self._sizes = sizes
        self._loop = loop
        self._in_flight = 0
        self._waiting: deque[tuple[int, int]] = deque()

    def issue(self, samples: Sequence[Any]) -> None:
        """Called by LoadGen, in its thread."""
        self._loop.call_soon_threadsafe(self._take, [(each.id, each.index) for each in samples])

    def _take(self, samples: Sequence[tuple[int, int]]) -> None:
        self._waiting += samples
        self._send()

    def _send(self) -> None:
        while self._waiting and self._in_flight < IN_FLIGHT:
            number, index = self._waiting.popleft()
            self._in_flight += 1
            self._wire.send(self._source.make(self._sizes[index % len(self._sizes)]), partial(self._done, number))

    def _done(self, number: int, answer: Answer) -> None:
        import mlperf_loadgen as loadgen

        self._in_flight -= 1
        if answer.verdict == "answered":
            self.answered += 1
        else:
            self.failed += 1
            self.first_failure = self.first_failure or f"{answer.said} {answer.note}".strip()
        loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(number, 0, 0)])
        self._send()


def _start(settings: Settings, answering: Answering, samples: int, folder: Path) -> None:
    import mlperf_loadgen as loadgen

    logs = loadgen.LogSettings()
    logs.log_output.outdir = str(folder)
    logs.log_output.copy_summary_to_stdout = False
    asked = loadgen.ConstructSUT(answering.issue, lambda: None)
    library = loadgen.ConstructQSL(samples, samples, lambda indices: None, lambda indices: None)
    try:
        loadgen.StartTestWithLogSettings(asked, library, _test_settings(loadgen, settings), logs)
    finally:
        loadgen.DestroyQSL(library)
        loadgen.DestroySUT(asked)


def _test_settings(loadgen: Any, settings: Settings) -> Any:
    scenarios = loadgen.TestScenario
    made = loadgen.TestSettings()
    made.scenario = {
        "singlestream": scenarios.SingleStream,
        "server": scenarios.Server,
        "offline": scenarios.Offline,
    }[settings.scenario]
    made.mode = loadgen.TestMode.PerformanceOnly
    made.min_duration_ms = int(settings.duration_s * 1000)
    made.max_duration_ms = int(settings.duration_s * 1000 * 4)
    made.min_query_count = 1
    made.server_target_qps = settings.rate
    made.server_target_latency_ns = int(settings.latency_ms * 1e6)
    made.offline_expected_qps = settings.rate
    made.single_stream_expected_latency_ns = EXPECTED_NS
    for name in ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed"):
        setattr(made, name, settings.seed + 1)
    return made
