"""What watches a server is told of everything, and what is read of it is up to date."""

from headrace.observe.bus import Bus
from headrace.observe.metrics import Readings
from headrace.observing import Observation
from headrace.records import ModelEvent
from headrace.settings import Config
from tests.fakes import FakeClock


def _observation(bus: Bus) -> Observation:
    return Observation(Config(), bus, FakeClock(), Readings(lambda: 0, lambda: (), lambda: 0))


async def test_what_is_read_holds_what_was_recorded_just_now() -> None:
    bus = Bus()
    observation = _observation(bus)
    bus(ModelEvent("m", 1, "READY", "", 1.0, 0.5))
    assert [event.state for event in observation.events("m")] == ["READY"]
    bus(ModelEvent("n", 1, "READY", "", 2.0, 0.5))
    assert b'nv_model_load_duration_secs{model="n",version="1"} 0.5' in (await observation.page())[1]


async def test_what_was_recorded_last_is_told_before_the_end() -> None:
    bus = Bus()
    observation, told = _observation(bus), list[object]()
    bus.listen(told.extend)
    await observation.start()
    bus(ModelEvent("m", 1, "READY", "", 1.0))
    await observation.close()
    assert len(told) == 1
