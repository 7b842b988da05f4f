"""Records reach every listener, in order, or are counted as dropped."""

import logging
from collections.abc import Iterator, Sequence

import pytest

from headrace.alike import Lot
from headrace.observe.bus import LOT, PIECE, Bus
from headrace.records import BatchRecord, BundleRecord, ModelEvent, Record, ShedRecord
from tests.observe.make import answered, moved, ran


def test_a_flush_hands_over_what_waits_in_order() -> None:
    bus, lots = Bus(), list[list[Record]]()
    bus.listen(lambda lot: lots.append(list(lot)))
    records: list[Record] = [moved(), answered(), ran()]
    for record in records:
        bus(record)
    assert not lots
    bus.flush()
    assert lots == [records]


def test_each_listener_gets_every_record_once() -> None:
    bus, first, second = Bus(), list[Record](), list[Record]()
    bus.listen(first.extend)
    bus.listen(second.extend)
    bus(moved())
    bus.flush()
    bus.flush()
    assert first == second == [moved()]


def test_a_listener_may_want_some_kinds_only_and_gets_them_in_order() -> None:
    bus, lots, calls = Bus(), list[list[Record]](), list[int]()
    bus.listen(lambda lot: lots.append(list(lot)), ModelEvent, BatchRecord)
    bus.listen(lambda lot: calls.append(len(lot)), ShedRecord)
    for record in (moved(), answered(), ran(), moved()):
        bus(record)
    bus.flush()
    assert lots == [[moved(), ran(), moved()]]
    assert not calls


def test_what_comes_over_the_limit_is_dropped_and_counted() -> None:
    bus, got = Bus(limit=2), list[Record]()
    bus.listen(got.extend)
    for _ in range(5):
        bus(moved())
    bus.flush()
    assert (len(got), bus.dropped) == (2, 3)


def test_there_is_room_again_after_a_flush() -> None:
    bus, got = Bus(limit=1), list[Record]()
    bus.listen(got.extend)
    bus(moved())
    bus.flush()
    bus(moved())
    bus.flush()
    assert (len(got), bus.dropped) == (2, 0)


def test_a_listener_that_fails_is_logged_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    bus, got = Bus(), list[Record]()

    def broken(records: Sequence[Record]) -> None:
        raise ValueError("of no use")

    bus.listen(broken)
    bus.listen(got.extend)
    bus(moved())
    with caplog.at_level(logging.ERROR):
        bus.flush()
    assert got == [moved()]
    assert "a listener failed on 1 records" in caplog.text
    assert "of no use" in caplog.text


def test_a_record_made_by_a_listener_is_in_the_next_flush() -> None:
    bus, lots = Bus(), list[int]()

    def echo(records: Sequence[Record]) -> None:
        lots.append(len(records))
        if len(lots) == 1:
            bus(moved())

    bus.listen(echo)
    bus(moved())
    bus.flush()
    assert lots == [1]
    bus.flush()
    assert lots == [1, 1]


def test_a_step_hands_what_waits_to_one_listener() -> None:
    bus, first, second = Bus(), list[Record](), list[Record]()
    bus.listen(first.extend)
    bus.listen(second.extend)
    bus(moved())
    assert bus.step()
    assert (len(first), len(second)) == (1, 0)
    assert not bus.step()
    assert (len(first), len(second)) == (1, 1)
    assert not bus.step()


def test_a_flush_between_steps_ends_them_and_keeps_the_order() -> None:
    bus, first, second = Bus(), list[Record](), list[Record]()
    bus.listen(first.extend)
    bus.listen(second.extend)
    bus(moved())
    bus.step()
    bus(ran())
    bus.flush()
    assert first == second == [moved(), ran()]


def test_what_is_counted_is_put_together_piece_by_piece_and_handed_on_whole() -> None:
    bus, counted = Bus(), list[int]()
    bus.count(lambda lot: counted.append(len(lot.requests)))
    for _ in range(2 * PIECE + 1):
        bus(answered())
    for _ in range(3):  # pieces
        assert bus.step()
        assert not counted
    assert not bus.step()
    assert counted == [2 * PIECE + 1]


def test_what_counts_in_steps_does_one_of_them_at_a_time_and_all_before_the_next_counts() -> None:
    bus, told = Bus(), list[str]()

    def in_two(lot: Lot) -> Iterator[None]:
        told.append("first half")
        yield
        told.append("second half")

    bus.count(in_two)
    bus.count(lambda lot: told.append("other"))
    bus(answered())
    went_on = [bus.step() for _ in range(4)]
    assert (told, went_on) == (["first half", "second half", "other"], [True, True, True, False])
    bus(answered())
    bus.flush()
    assert told == ["first half", "second half", "other"] * 2


def test_a_fault_in_a_step_ends_those_that_are_left_and_no_other() -> None:
    bus, told = Bus(), list[str]()

    def broken(lot: Lot) -> Iterator[None]:
        yield
        raise ValueError("of no use")

    bus.count(broken)
    bus.count(lambda lot: told.append("other"))
    bus(answered())
    bus.flush()
    assert told == ["other"]


def test_steps_go_on_while_many_wait_that_came_meanwhile() -> None:
    bus = Bus()

    def many(records: Sequence[Record]) -> None:
        for _ in range(LOT):
            bus(moved())

    bus.listen(many)
    bus(moved())
    assert bus.step()


def test_records_without_a_listener_do_not_pile_up() -> None:
    bus = Bus(limit=1)
    bus(moved())
    bus.flush()
    bus(moved())
    assert bus.dropped == 0


def test_whoever_flushes_is_told_once_when_many_records_wait() -> None:
    bus, told = Bus(), list[int]()
    bus.many = lambda: told.append(1)
    for _ in range(2 * LOT):
        bus(moved())
    assert told == [1]
    bus.flush()
    for _ in range(LOT):
        bus(moved())
    assert told == [1, 1]


def test_a_bundle_is_as_many_records_as_it_has_requests() -> None:
    bus, many = Bus(limit=LOT + 1), list[bool]()
    bus.many = lambda: many.append(True)
    bundle = BundleRecord(answered(), ["a"] * (LOT // 2), [0] * (LOT // 2))
    bus(bundle)
    assert not many
    bus(bundle)
    assert many == [True]
    bus(bundle)
    bus(bundle)
    assert (many, bus.dropped) == ([True], LOT // 2)
    bus.flush()
    assert not bus.step()
