"""An objective that nothing can hold is told, with the best that can."""

import pytest

from headrace.batching.latency import Latency
from headrace.batching.reachable import (
    ROOM,
    SHORTEST_LENGTH,
    TYPICAL_LENGTH,
    Fastest,
    fastest_run,
    out_of_reach,
    shortest_run_ns,
    too_slow,
)
from headrace.types import BatchAxis, PadAxis, Signature

PADDED = BatchAxis(True, 8, pad=PadAxis(1, {"x": 0}))


def about(axis: BatchAxis) -> Signature:
    return Signature((), (), axis, "fake", "fake 1")


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert fastest_run("", Latency(), about(PADDED)) is None
    assert out_of_reach(0.001, []) == ""


@pytest.mark.parametrize(("axis", "length"), [(BatchAxis(True, 8), 0), (PADDED, TYPICAL_LENGTH)])
def test_the_fastest_run_is_of_one_row_of_typical_length(axis: BatchAxis, length: int) -> None:
    latency = Latency()
    for _ in range(10):
        latency.learn(1, length, 8e6)
        latency.learn(4, length, 20e6)
    fastest = fastest_run("int8", latency, about(axis))
    assert fastest is not None
    assert fastest == Fastest("int8", latency.late(1, length))


def test_what_one_variant_can_hold_is_no_fault() -> None:
    assert out_of_reach(10, [Fastest("fp32", 20e6), Fastest("int8", 9e6)]) == ""


def test_each_variant_is_told_with_what_it_reaches_the_best_first() -> None:
    assert out_of_reach(5, [Fastest("fp32", 20e6), Fastest("int8", 9e6)]) == (
        "no answer can come within the objective of 5 ms: a run of one row takes 9.0 ms with 'int8' at best "
        "(then 20.0 ms with 'fp32')"
    )
    assert out_of_reach(5, [Fastest("", 20e6)]) == (
        "no answer can come within the objective of 5 ms: a run of one row takes 20.0 ms at best"
    )


def test_a_run_that_leaves_little_of_the_objective_for_waiting_is_too_slow_beside_others() -> None:
    assert too_slow(20, 20e6 * ROOM) == ""
    assert "its shortest run takes 10.1 of the 20 ms" in too_slow(20, 10.1e6)
    assert "nothing is known" in too_slow(20, 0.0)


@pytest.mark.parametrize(("axis", "length"), [(BatchAxis(True, 8), 0), (PADDED, SHORTEST_LENGTH)])
def test_the_shortest_run_is_of_one_short_row(axis: BatchAxis, length: int) -> None:
    latency = Latency()
    assert shortest_run_ns(latency, about(axis)) == 0.0
    for each in (length, 4 * length):
        latency.learn(1, each, 1e6 * (each + 1))
    assert shortest_run_ns(latency, about(axis)) == latency.typical(1, length)
