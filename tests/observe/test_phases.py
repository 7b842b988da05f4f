"""A request's time is taken apart without a gap."""

import pytest
from msgspec.structs import replace

from headrace.observe.phases import phases
from headrace.records import RequestRecord
from headrace.types import CacheFacts
from tests.observe.make import MS, TIMES, answered, failed, generated


def test_one_that_shared_a_run_waited_and_was_computed_within_it() -> None:
    record = replace(answered(), admitted_ns=4_000_200, written_ns=5_000_700)
    told = [(phase.name, phase.start_ns - 4_000_000, phase.end_ns - 4_000_000) for phase in phases(record)]
    assert told == [
        ("parse", 0, 100),
        ("admit", 100, 200),
        ("queue", 200, 500),
        ("batch", 500, 560),
        ("compute", 510, 530),
        ("serialise", 1_000_000, 1_000_700),
    ]


def test_one_that_was_refused_has_no_run() -> None:
    assert [phase.name for phase in phases(failed("queue_full"))] == ["parse"]


@pytest.mark.parametrize("error", ["worker_lost", "cancelled", ""])
def test_one_of_whose_run_nothing_is_known_was_held_until_its_end(error: str) -> None:
    record = replace(failed(error), admitted_ns=150, written_ns=600)
    told = [(phase.name, phase.start_ns, phase.end_ns) for phase in phases(record)]
    assert told == [("parse", 0, 100), ("admit", 100, 150), ("held", 150, 500), ("serialise", 500, 600)]


def test_one_that_was_found_in_a_cache_was_not() -> None:
    found = replace(answered(), batch=None, admitted_ns=4_000_200, cache=CacheFacts(True, 50))
    assert [phase.name for phase in phases(found)] == ["parse", "admit"]


def test_one_that_was_taken_before_it_was_let_in_did_not_wait() -> None:
    record = replace(answered(waited_ns=0), admitted_ns=4_000_300)
    queue = next(phase for phase in phases(record) if phase.name == "queue")
    assert queue.start_ns == queue.end_ns


def test_where_a_generation_made_room_for_others_is_told() -> None:
    record = RequestRecord("41", "m", 1, "http", 1, 4 * MS, 5 * MS, 270 * MS, None)
    paused = replace(TIMES, pauses=((100 * MS, 120 * MS), (150 * MS, 151 * MS)))
    told = phases(record, generated(times=paused))
    lost = [(phase.start_ns // MS, phase.end_ns // MS) for phase in told if phase.name == "preempted"]
    assert lost == [(105, 125), (155, 156)]


def test_a_generation_is_prefilled_and_decoded() -> None:
    record = RequestRecord("41", "m", 1, "http", 1, 4 * MS, 5 * MS, 270 * MS, None)
    told = [(phase.name, phase.start_ns // MS, phase.end_ns // MS) for phase in phases(record, generated())]
    assert told == [("parse", 4, 5), ("queue", 5, 15), ("prefill", 15, 65), ("decode", 65, 265)]
