"""Which sizes a model is tried at when it is loaded."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.latency import Latency
from headrace.batching.sweep import ROUNDS, Size, Sweep, measure, sizes
from headrace.errors import InputRefused, WorkerLost
from tests.batching.machines import took_ns

HALF_S = 0.5e9


def tried(sweep: Sweep, took: Callable[[float, float], float] = took_ns) -> list[Size]:
    found: list[Size] = []
    while (size := sweep.next()) is not None:
        found.append(size)
        sweep.took(took(*size))
    return found


def test_sizes_are_doublings_up_to_the_largest() -> None:
    assert sizes(6) == [Size(1, 0), Size(2, 0), Size(4, 0), Size(6, 0)]
    assert sizes(1, 20) == [Size(1, 8), Size(1, 16), Size(1, 20)]
    assert sizes(2, 4) == [Size(1, 4), Size(2, 4)]


def test_a_quick_model_is_tried_at_every_size_several_times() -> None:
    everything = sizes(32, 64)
    found = tried(Sweep(everything, HALF_S), lambda rows, length: 10_000.0 * rows)
    assert {found[1:].count(size) for size in everything} == {ROUNDS}  # the first once more: nothing was foreseen of it


def test_cheap_sizes_come_first_and_each_once_before_any_twice() -> None:
    found = tried(Sweep(sizes(8, 64), HALF_S))
    assert found[:2] == [Size(1, 8)] * 2  # nothing was foreseen of the first
    found = found[1:]
    once = found[: len(set(found))]
    assert len(set(once)) == len(once)
    assert [rows * length for rows, length in once] == sorted(rows * length for rows, length in once)


def test_a_model_that_takes_all_the_time_is_tried_once() -> None:
    assert tried(Sweep(sizes(32, 256), HALF_S), lambda rows, length: 3e9) == [Size(1, 8)]


def test_a_model_known_to_take_all_the_time_is_not_tried() -> None:
    assert tried(Sweep(sizes(32, 256), HALF_S, least_ns=3e9)) == []


def test_no_time_is_no_sweep() -> None:
    assert tried(Sweep(sizes(32, 256), 0.0)) == []


def test_a_dear_size_is_not_repeated() -> None:
    found = tried(Sweep(sizes(4), HALF_S), lambda rows, length: 30e6 * rows)
    assert found == [Size(1, 0), Size(1, 0), Size(2, 0), Size(4, 0)]


@given(
    st.integers(1, 100),
    st.integers(0, 600),
    st.floats(1e3, 1e9),
    st.floats(0.1, 1.0),
)
def test_the_time_is_kept_by_any_model_whose_cost_is_at_most_proportional(
    max_rows: int, longest: int, first_ns: float, power: float
) -> None:
    spent = 0.0

    def took(rows: float, length: float) -> float:
        nonlocal spent
        ns = float(first_ns * (rows * max(length, 1)) ** power)
        spent += ns
        return ns

    found = tried(Sweep(sizes(max_rows, longest), HALF_S), took)
    assert spent <= HALF_S or len(found) == 1


async def test_what_is_tried_is_learned() -> None:
    latency = Latency()

    async def run(rows: int, length: int) -> float:
        return took_ns(rows, length)

    runs = await measure(Sweep(sizes(32, 256), HALF_S), run, latency)
    assert runs > 50
    assert latency.typical(3, 50) == pytest.approx(took_ns(3, 50), rel=0.1)
    assert latency.typical(32, 256) == pytest.approx(took_ns(32, 256), rel=0.3)


async def test_sizes_that_are_compiled_first_are_known_by_their_second_runs() -> None:
    latency, asked = Latency(), list[Size]()

    async def run(rows: int, length: int) -> float:
        compiling = 0.0 if (rows, length) in asked else 10e6 * (1 + (rows == 1))
        asked.append(Size(rows, length))
        return took_ns(rows, length) / 4 + compiling

    await measure(Sweep(sizes(16, 64), HALF_S), run, latency)
    for rows, length in ((1, 8), (1, 64), (4, 16), (16, 8)):
        assert latency.typical(rows, length) == pytest.approx(took_ns(rows, length) / 4, rel=0.1)


def test_a_second_run_that_is_refused_leaves_its_size_out() -> None:
    sweep = Sweep(sizes(2), HALF_S)
    assert sweep.next() == Size(1, 0)
    sweep.took(1e6)
    assert sweep.next() == Size(1, 0)
    sweep.refused()
    assert sweep.next() is None


async def test_what_first_runs_of_a_size_take_more_is_taken_off_where_there_was_no_second() -> None:
    latency, asked = Latency(), list[Size]()

    async def run(rows: int, length: int) -> float:
        compiling = 0.0 if (rows, length) in asked else 20e6
        asked.append(Size(rows, length))
        return rows * 1e6 + compiling

    await measure(Sweep(sizes(32), HALF_S), run, latency)
    assert asked.count(Size(32, 0)) == 1
    assert latency.typical(1, 0) == pytest.approx(1e6, rel=0.1)
    assert latency.typical(32, 0) == pytest.approx(32e6, rel=0.1)


@pytest.mark.parametrize("refusal", [InputRefused("too long"), WorkerLost("it died")])
async def test_what_is_refused_and_all_that_is_larger_is_left_out(refusal: Exception) -> None:
    asked: list[Size] = []

    async def run(rows: int, length: int) -> float:
        asked.append(Size(rows, length))
        if length > 16:
            raise refusal
        return took_ns(rows, length)

    runs = await measure(Sweep(sizes(4, 64), HALF_S), run, Latency())
    assert runs == 2 * 3 * ROUNDS + 1
    assert [size for size in asked if size.length > 16] == [Size(1, 32)]


async def test_any_other_fault_is_the_callers() -> None:
    async def run(rows: int, length: int) -> float:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        await measure(Sweep(sizes(4, 64), HALF_S), run, Latency())
