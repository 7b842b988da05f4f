"""Requests count for what their model promises, and for nothing else; what was counted outlives a start."""

from collections.abc import Mapping

import msgspec
import pytest

from headrace.generation import Times
from headrace.objectives.counts import Counts, Series
from headrace.objectives.promises import Promise
from headrace.objectives.states import States
from headrace.records import Record
from headrace.types import ModelVersion
from tests.objectives.make import AVAILABLE, FAST, bad, good
from tests.observe.make import generated, hand_on, moved

SPANS = (300.0, 3600.0)
NOW = 1_700_000_000.0
TOKENS = (Promise("ttft_ms", 0.99, 100.0), Promise("tpot_ms", 0.99, 15.0))


class Counting:
    """Counts, what versions promise, and a way to tell them records."""

    def __init__(self, *promised: Promise) -> None:
        self.promised: dict[ModelVersion, tuple[Promise, ...]] = {ModelVersion("m", 1): promised or (AVAILABLE, FAST)}
        self.counts = Counts(self.promised.get, (AVAILABLE,), SPANS, States())
        self(moved("READY"))

    def __call__(self, *records: Record) -> None:
        hand_on(records, self.counts)
        self.counts.settle(NOW)

    def counted(self, model: str = "m") -> Mapping[str, tuple[int, int]]:
        return {each.promise.objective: (each.good, each.bad) for each in self.counts.of(model)}


def window(series: Series, span_s: float = 300.0) -> tuple[int, int]:
    return series.windows[span_s].good, series.windows[span_s].bad


def test_counters_are_there_before_the_first_request() -> None:
    assert Counting().counted() == {"availability": (0, 0), "p99_ms": (0, 0)}


def test_an_answer_counts_as_available_and_as_in_time_or_late() -> None:
    counting = Counting()
    counting(*good(8), *good(2, took_ms=51), *bad(3), *bad(5, code="invalid_request"), *bad(5, code="cancelled"))
    assert counting.counted() == {"availability": (10, 3), "p99_ms": (8, 2)}
    assert [window(series) for series in counting.counts.of("m")] == [(10, 3), (8, 2)]


def test_a_model_that_is_down_fails_every_request_for_it() -> None:
    counting = Counting(Promise("availability", 0.9))
    del counting.promised[ModelVersion("m", 1)]
    counting(moved("UNAVAILABLE", reason="FAILED: it died"), *bad(4, "model_unavailable", version=None))
    assert counting.counted() == {"availability": (0, 4)}
    assert counting.counts.of("m")[0].promise.target == 0.9


def test_a_model_that_was_unloaded_on_purpose_fails_none() -> None:
    counting = Counting()
    counting(moved("UNLOADING"), moved("UNAVAILABLE", reason="unloaded"), *bad(4, "model_unavailable", version=None))
    assert counting.counted() == {}


def test_names_and_versions_that_clients_make_up_count_nowhere() -> None:
    counting = Counting()
    for number in range(1000):
        counting(*bad(1, "model_unavailable", f"x{number}", None), *bad(1, "version_not_found", "m", number + 2))
    assert list(counting.counts.series) == [("m", "availability"), ("m", "p99_ms")]
    assert len(counting.counts._slots) == 2


def test_a_new_version_promises_what_it_says_itself() -> None:
    counting = Counting(AVAILABLE)
    counting(*good(1, took_ms=40))
    counting.promised[ModelVersion("m", 2)] = (AVAILABLE, Promise("p99_ms", 0.99, 30.0))
    counting(moved("READY", version=2), *good(3, took_ms=40, version=2), *good(2, took_ms=40))
    assert counting.counted() == {"availability": (6, 0), "p99_ms": (0, 3)}


def test_what_is_not_promised_any_more_is_not_told() -> None:
    counting = Counting()
    counting(*good(1))
    counting.promised[ModelVersion("m", 1)] = (AVAILABLE,)
    counting(moved("READY"))
    assert list(counting.counted()) == ["availability"]


@pytest.mark.parametrize(("first_ms", "longest", "counted"), [(60, 11, ((1, 0), (0, 1))), (120, 1, ((0, 1), (0, 0)))])
def test_a_generation_counts_by_its_first_token_and_its_pace(
    first_ms: int, longest: int, counted: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    counting = Counting(*TOKENS)
    counting(generated(times=Times(0, first_ms * 1_000_000), longest=longest))
    assert counting.counted() == dict(zip(("ttft_ms", "tpot_ms"), counted, strict=True))


def test_a_generation_that_gave_no_token_counts_for_neither() -> None:
    counting = Counting(*TOKENS)
    counting(generated(("error",), times=Times(0, 0)))
    assert counting.counted() == {"ttft_ms": (0, 0), "tpot_ms": (0, 0)}


def test_what_was_counted_before_a_start_is_taken_up_again() -> None:
    before, after = Counting(), Counting()
    before(*good(70), *bad(30))
    after.counts.restore(before.counts.take_unsaved(NOW), NOW + 60)
    after(*bad(1))
    series = after.counts.of("m")[0]
    assert (window(series), series.bad) == ((70, 31), 1)


def test_a_window_that_is_new_takes_what_the_longest_had() -> None:
    before = Counting()
    before(*good(70))
    counts = Counts(before.promised.get, (), (7200.0,), States())
    counts.restore(before.counts.take_unsaved(NOW), NOW)
    assert window(counts.series["m", "availability"], 7200.0) == (70, 0)


def test_only_what_changed_is_saved_and_all_of_it_after_a_failure() -> None:
    counting = Counting()
    assert not counting.counts.take_unsaved(NOW)
    counting(*good(1))
    first = counting.counts.take_unsaved(NOW)
    assert not counting.counts.take_unsaved(NOW)
    counting.counts.save_all()
    assert counting.counts.take_unsaved(NOW) == first
    counting(*good(1))
    assert {bucket.good for *_, bucket in counting.counts.take_unsaved(NOW)} == {2}


def test_a_model_that_is_gone_is_forgotten_with_its_windows() -> None:
    counting = Counting()
    counting(*good(1), moved("UNAVAILABLE", reason="unloaded"))
    assert counting.counts.series
    counting.counts.settle(NOW + 2 * 3600)
    assert not counting.counts.series


def test_a_request_that_says_its_version_is_counted_like_one_that_does_not() -> None:
    counting = Counting()
    counting(*[msgspec.structs.replace(each, protocol="grpc") for each in good(2)])
    assert counting.counted()["availability"] == (2, 0)
