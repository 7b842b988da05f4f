"""What is measured begins and ends with the server, and is on the page."""

from headrace.observe.measured import Measured
from tests.fakes import FakeClock


async def test_what_is_measured_is_told_from_start_to_close() -> None:
    clock = FakeClock()
    measured = Measured(clock)
    measured.start()
    clock.pass_ms(500)
    await measured.close()
    clock.pass_ms(500)
    page = "\n".join(measured.lines())
    assert "headrace_event_loop_lag_seconds_count 5\n" in page
    assert 'headrace_cpu_seconds_total{model="",version="",process="server"}' in page
