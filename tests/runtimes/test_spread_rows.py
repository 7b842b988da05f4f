"""Rows of a batch are shared out among the cores, and nobody sees it."""

import threading
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.errors import InputRefused, ModelInvalid
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.runtimes.spread_rows import WORTH_NS, SpreadRows
from headrace.types import FREE, TensorSpec

MS = 1_000_000


class Doubling:
    """Doubles numbers and refuses 99; a run takes so much of a clock that only it moves."""

    inputs: tuple[TensorSpec, ...] = (TensorSpec("x", "INT64", (FREE, FREE)),)
    outputs: tuple[TensorSpec, ...] = (TensorSpec("y", "INT64", (FREE, FREE)),)
    platform, runtime, coarse = "fake", "fake 1", False

    def __init__(self, clock: list[int], run_ns: int) -> None:
        self.clock, self.run_ns = clock, run_ns
        self.seen: list[int] = []
        self.threads: set[int] = set()
        self.is_closed = False

    def run(self, arrays: Arrays, outputs: tuple[str, ...] = ()) -> Arrays:
        x = arrays["x"].astype(np.int64)
        self.seen.append(len(x))
        self.threads.add(threading.get_ident())
        self.clock[0] += self.run_ns
        if np.any(x == 99):
            raise InputRefused("99")
        return {"y": self.answer(x)}

    def answer(self, x: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.add(x, x)

    def close(self) -> None:
        self.is_closed = True


class Uneven(Doubling):
    """Its rows are as long as there are rows."""

    def answer(self, x: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.zeros((len(x), len(x)), np.int64)


class Bench:
    def __init__(
        self, cores: int = 2, one: type[Doubling] = Doubling, has_room: bool = True, loads: bool = True
    ) -> None:
        self.clock = [0]
        self.whole, self.one = Doubling(self.clock, 500 * MS), one(self.clock, MS)
        self.loads = loads
        self.waiting: list[Callable[[], None]] = []
        self.model = SpreadRows(
            self.whole, self.load, cores, lambda: has_room, lambda: self.clock[0], self.waiting.append
        )

    def load(self) -> LoadedModel:
        if not self.loads:
            raise ModelInvalid("no")
        return self.one

    def run(self, rows: int, first: int = 0) -> list[int]:
        x = np.arange(first, first + rows).reshape(rows, 1)
        found: list[int] = self.model.run({"x": x})["y"][:, 0].tolist()
        return found

    def until_asked(self, rows: int = 8) -> Callable[[], None]:
        """So many rows again and again, until there is to be a second session: what makes it."""
        while not self.waiting:
            self.run(rows)
        return self.waiting.pop()

    def warm(self) -> "Bench":
        """Until the second session is there, and known to be quicker for batches of up to 8 rows."""
        self.until_asked()()
        for rows in range(2, 9):
            for _ in range(6):
                self.run(rows)
        self.whole.seen.clear()
        self.one.seen.clear()
        return self


@given(st.integers(2, 8))
def test_answers_are_those_of_the_whole_in_the_order_of_the_rows(rows: int) -> None:
    bench = Bench().warm()
    assert bench.run(rows, 3) == [2 * (3 + row) for row in range(rows)]
    assert bench.whole.seen == []
    assert sum(bench.one.seen) == rows


@pytest.mark.parametrize(("cores", "rows", "parts"), [(2, 8, [4, 4]), (2, 5, [2, 3]), (3, 8, [2, 3, 3])])
def test_each_core_has_as_many_rows_as_another_or_one_more(cores: int, rows: int, parts: list[int]) -> None:
    bench = Bench(cores).warm()
    bench.run(rows)
    assert sorted(bench.one.seen) == parts


def test_parts_run_on_threads_of_their_own() -> None:
    bench = Bench().warm()
    assert len(bench.one.threads) == 2


def test_fewer_rows_than_cores_run_whole() -> None:
    bench = Bench(cores=3).warm()
    bench.run(2)
    assert (bench.whole.seen, bench.one.seen) == ([2], [])


def test_there_is_no_second_session_before_it_is_worth_it() -> None:
    bench = Bench()
    for _ in range(WORTH_NS // bench.whole.run_ns - 1):
        bench.run(8)
    bench.run(1)
    assert not bench.waiting
    bench.run(8)
    assert len(bench.waiting) == 1


def test_short_runs_are_never_worth_it() -> None:
    bench = Bench()
    bench.whole.run_ns = MS // 2
    for _ in range(5000):
        bench.run(8)
    assert not bench.waiting


def test_a_refusal_comes_to_the_caller_and_the_model_goes_on() -> None:
    bench = Bench().warm()
    for first in (92, 99):  # in the last part, and in the first
        with pytest.raises(InputRefused, match="99"):
            bench.run(8, first)
    assert bench.run(2) == [0, 2]


def test_without_room_all_stays_as_it_is() -> None:
    bench = Bench(has_room=False)
    bench.until_asked()()
    assert bench.run(8) == [2 * row for row in range(8)]
    assert (bench.one.seen, bench.waiting) == ([], [])


def test_a_second_session_that_does_not_load_is_done_without() -> None:
    bench = Bench(loads=False)
    bench.until_asked()()
    assert bench.run(2) == [0, 2]


def test_outputs_that_depend_on_which_rows_are_together_are_computed_whole_from_then_on() -> None:
    bench = Bench(one=Uneven)
    bench.until_asked(5)()
    for _ in range(10):
        assert bench.run(5) == [0, 2, 4, 6, 8]
    assert len(bench.one.seen) == 2
    assert bench.one.is_closed


def test_closing_closes_both_also_where_the_second_comes_late() -> None:
    bench = Bench()
    make = bench.until_asked()
    bench.model.close()
    make()
    assert bench.whole.is_closed
    assert bench.one.is_closed


def test_a_second_session_that_is_made_at_once_is_made_once() -> None:
    bench = Bench()
    bench.model.get_ready()
    assert bench.model.spreads
    for _ in range(WORTH_NS // bench.whole.run_ns + 1):
        bench.run(8)
    assert not bench.waiting
    assert bench.one.seen
