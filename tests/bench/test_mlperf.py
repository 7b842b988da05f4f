"""LoadGen as the one who asks."""

import asyncio
from pathlib import Path

import pytest

from headrace.arrivals import Arrival
from headrace.bench import mlperf
from headrace.bench.mlperf import NOTE, Scenario, Settings, available, read_summary, run_loadgen
from headrace.bench.samples import Answer
from headrace.bench.timerfd import TimerfdClock
from headrace.clock import LoopClock
from tests.bench.fakes import FakeSource, FakeWire

needs_loadgen = pytest.mark.skipif(bool(available()), reason="LoadGen is not installed (mlcommons-loadgen)")


@needs_loadgen
@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "name"), [("singlestream", "SingleStream"), ("server", "Server"), ("offline", "Offline")]
)
async def test_loadgen_runs_its_scenarios_and_every_output_says_what_it_is_not(
    scenario: Scenario, name: str, tmp_path: Path
) -> None:
    wire = FakeWire(LoopClock(asyncio.get_running_loop()), service_ms=1)
    settings = Settings(scenario, 0.3, rate=200.0)
    result = await run_loadgen(settings, wire, FakeSource(), [Arrival(0.0, length=3), Arrival(0.0, length=4)], tmp_path)
    assert result.note == NOTE
    assert "not an MLPerf result" in NOTE
    assert result.summary["Scenario"] == name
    assert result.answered == len(wire.sent) > 10
    assert result.failed == 0
    assert NOTE in (tmp_path / mlperf.MARK).read_text()
    assert {each.length for each in wire.sent} == {3, 4}


@needs_loadgen
@pytest.mark.slow
async def test_a_sample_that_failed_is_counted_and_does_not_stop_the_run() -> None:
    clock = TimerfdClock(asyncio.get_running_loop())
    wire = FakeWire(clock, service_ms=1)
    wire.answer = lambda request: Answer("shed", "503", "full")
    result = await run_loadgen(Settings("server", 0.2, rate=100.0), wire, FakeSource(), [Arrival(0.0)])
    assert (result.answered, result.first_failure) == (0, "503 full")
    assert result.failed > 0
    clock.close()


def test_a_summary_is_names_and_values() -> None:
    text = "====\nMLPerf Results Summary\nScenario : Offline\nSamples per second: 12.5\n\n  * Early : no\nempty :\n"
    assert read_summary(text) == {"Scenario": "Offline", "Samples per second": "12.5", "* Early": "no"}
