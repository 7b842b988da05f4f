"""Records are handed on soon where many wait, else in a while."""

from headrace.observe.bus import LOT, Bus
from headrace.observe.handing_on import FLUSH_NS, HandingOn
from headrace.records import Record
from tests.fakes import FakeClock
from tests.observe.make import moved


def test_few_are_handed_on_in_a_while() -> None:
    bus, clock, got = Bus(), FakeClock(), list[Record]()
    bus.listen(got.extend)
    HandingOn(bus, clock).start()
    for number in (1, 2):
        bus(moved())
        clock.pass_ms(FLUSH_NS / 1e6 - 1)
        assert len(got) == number - 1
        clock.pass_ms(1)
        assert len(got) == number


def test_many_are_handed_on_soon_to_one_listener_after_the_other() -> None:
    bus, clock, told = Bus(), FakeClock(), list[tuple[str, int]]()
    bus.listen(lambda lot: told.append(("first", len(lot))))
    bus.listen(lambda lot: told.append(("second", len(lot))))
    HandingOn(bus, clock).start()
    for _ in range(LOT):
        bus(moved())
    assert not told
    clock.pass_ms()
    assert told == [("first", LOT), ("second", LOT)]


def test_few_that_come_after_many_wait_as_long_as_any() -> None:
    bus, clock, told = Bus(), FakeClock(), list[int]()
    bus.listen(lambda lot: told.append(len(lot)))
    HandingOn(bus, clock).start()
    clock.pass_ms(FLUSH_NS / 2e6)
    for _ in range(LOT + 1):
        bus(moved())
    clock.pass_ms()
    bus(moved())
    clock.pass_ms(FLUSH_NS / 1e6 - 2)
    assert told == [LOT + 1]
    clock.pass_ms(2)
    assert told == [LOT + 1, 1]


def test_once_it_is_closed_they_wait() -> None:
    bus, clock, got = Bus(), FakeClock(), list[Record]()
    bus.listen(got.extend)
    handing_on = HandingOn(bus, clock)
    handing_on.start()
    handing_on.close()
    bus(moved())
    clock.pass_ms(FLUSH_NS / 1e6)
    assert not got
