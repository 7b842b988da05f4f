"""What was added to counts since somebody last looked."""

from headrace.history.differences import Differences
from headrace.history.point import Point
from headrace.observe.tally import Tally, VersionTally
from headrace.records import BatchRecord, RequestRecord
from headrace.types import BatchFacts, ModelVersion
from tests.observe.make import hand_on

VERSION = ModelVersion("m", 1)
FACTS = BatchFacts(2, 2, "full", 0, 2_000, 1_000, 10_000, 1_000)


def _asked(error: str = "") -> RequestRecord:
    return RequestRecord("r", "m", 1, "http", 1, 0, 1_000, 120_000, None if error else FACTS, error)


def _look(differences: Differences, tally: Tally) -> Point:
    ((version, point),) = differences.look(tally.versions, {VERSION: 4}, {VERSION: 99})
    assert version == VERSION
    return point


def test_each_look_tells_what_is_new() -> None:
    differences, tally = Differences(), Tally()
    tally.versions["m", 1] = VersionTally(0.0)
    hand_on([_asked(), _asked("internal"), BatchRecord(VERSION, FACTS)], tally)
    point = _look(differences, tally)
    assert (point.requests, point.errors, point.took, point.runs, point.rows) == (1, 1, ((1, 1),), 1, 2)
    assert (point.reasons, point.queued, point.num_bytes, point.waited_ns) == ({"full": 1}, 4, 99, 1_000)
    hand_on([_asked()], tally)
    point = _look(differences, tally)
    assert (point.requests, point.errors, point.reasons) == (1, 0, {})


def test_a_caller_that_left_is_no_error() -> None:
    differences, tally = Differences(), Tally()
    tally.versions["m", 1] = VersionTally(0.0)
    hand_on([_asked("cancelled"), _asked("worker_lost")], tally)
    assert _look(differences, tally).errors == 1
    hand_on([_asked("cancelled")], tally)
    assert _look(differences, tally).errors == 0


def test_a_version_that_was_loaded_anew_began_from_nothing() -> None:
    differences, tally = Differences(), Tally()
    tally.versions["m", 1] = VersionTally(0.0)
    hand_on([_asked(), _asked()], tally)
    _look(differences, tally)
    tally.versions["m", 1] = VersionTally(0.0)
    hand_on([_asked()], tally)
    assert _look(differences, tally).requests == 1
