"""What is promised counts as what is taken, and what is taken counts as it was measured."""

from headrace.memory.ledger import FADE, MOST_GROWTH, Ledger, Reading
from headrace.memory.processes import Taken
from headrace.types import ModelVersion

A, B = ModelVersion("a", 1), ModelVersion("b", 1)


def test_a_load_counts_with_its_peak_before_it_has_taken_anything() -> None:
    ledger = Ledger(1000)
    ledger.follow(Reading(100, 50, {}))
    ledger.enter(A, 600)
    assert ledger.held_bytes == 750
    assert ledger.short_bytes(300) == 50
    assert ledger.short_bytes(250) == 0


def test_two_loads_that_fit_alone_do_not_fit_together() -> None:
    ledger = Ledger(1000)
    assert ledger.short_bytes(600) <= 0
    ledger.enter(A, 600)
    assert ledger.short_bytes(600) > 0


def test_once_loaded_it_counts_with_what_was_measured_and_what_it_grew_by_before() -> None:
    ledger = Ledger(1000)
    hold = ledger.enter(A, 600)
    ledger.settle(hold, Taken(200), 50)
    assert ledger.held_bytes == 250
    ledger.follow(Reading(0, 0, {A: Taken(230, anonymous_bytes=30)}))
    assert ledger.held_bytes == 250
    ledger.follow(Reading(0, 0, {A: Taken(400, anonymous_bytes=200)}))
    assert ledger.held_bytes == 400


def test_room_is_kept_for_what_the_server_grew_by_of_late() -> None:
    ledger = Ledger(10_000)
    for server in (100, 160, 150):
        ledger.follow(Reading(server, 0, {}))
    assert ledger.held_bytes == 150 + int(60 * FADE)


def test_a_start_keeps_no_more_than_a_small_part_of_the_budget() -> None:
    ledger = Ledger(10_000)
    for server in (100, 5000):
        ledger.follow(Reading(server, 0, {}))
    assert ledger.likely_bytes == MOST_GROWTH * 10_000


def test_what_leaves_is_counted_until_its_memory_is_back() -> None:
    ledger = Ledger(1000)
    hold = ledger.enter(A, 600)
    ledger.settle(hold, Taken(200), 50)
    ledger.leave(hold)
    assert ledger.held_bytes == 200
    assert ledger.of(A) is None
    ledger.forget(hold)
    ledger.forget(hold)
    assert ledger.held_bytes == 0


def test_a_measurement_is_of_the_version_that_serves() -> None:
    ledger = Ledger(1000)
    old = ledger.enter(A, 100)
    ledger.settle(old, Taken(100), 0)
    ledger.leave(old)
    new = ledger.enter(A, 100)
    ledger.settle(new, Taken(80), 0)
    ledger.follow(Reading(0, 0, {A: Taken(90), B: Taken(7)}))
    assert (old.measured_bytes, new.measured_bytes) == (100, 90)


def test_without_a_budget_everything_fits() -> None:
    assert Ledger(None).short_bytes(1 << 60) <= 0


def test_what_waits_to_be_a_worker_counts_as_it_was_before_it_took_anothers_place() -> None:
    ledger = Ledger(1000, reserve_bytes=20)
    ledger.follow(Reading(100, 50, {}))
    ledger.follow(Reading(100, 42, {}))
    assert (ledger.other_bytes, ledger.held_bytes, ledger.likely_bytes) == (49, 149, 7)


def test_of_others_that_went_no_more_is_kept_than_what_waits_may_come_to_have() -> None:
    ledger = Ledger(1000, reserve_bytes=20)
    for other in (500, 50):
        ledger.follow(Reading(100, other, {}))
    assert ledger.other_bytes == 70
