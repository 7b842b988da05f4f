"""Pages of a cache are there before its blocks are used."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.runtimes.pages_ahead import MOST, PagesAhead


def pages(num_arrays: int = 6, num_blocks: int = 100) -> PagesAhead:
    """Pages of ten blocks."""
    return PagesAhead([np.ones((num_blocks, 8), np.uint8) for _ in range(num_arrays)], page_bytes=80)


def test_this_page_and_the_next_are_made_while_this_one_is_used() -> None:
    made = pages()
    counts = [made.touch(highest) for highest in range(10)]
    assert sum(counts) == 12
    assert max(counts) <= 2


def test_nothing_is_made_while_no_block_comes_into_use() -> None:
    made = pages()
    made.touch(4)
    assert sum(made.touch(4) for _ in range(20)) <= 6
    assert made.touch(4) == 0


def test_it_goes_on_when_blocks_of_the_next_page_are_used() -> None:
    made = pages()
    counts = [made.touch(highest) for highest in range(30)]
    assert [sum(counts[begin : begin + 10]) for begin in (0, 10, 20)] == [12, 6, 6]


def test_pages_of_few_blocks_a_step_are_made_one_now_and_then() -> None:
    made = PagesAhead([np.ones((1000, 8), np.uint8) for _ in range(6)], page_bytes=800)
    counts = [made.touch(highest) for highest in range(100)]
    assert max(counts) == 1
    assert sum(counts) == 12


def test_fast_use_makes_more_at_a_time_but_not_many() -> None:
    made = pages(num_arrays=60)
    assert made.touch(8) == MOST
    assert made.touch(8) == MOST


def test_steps_that_are_ahead_of_the_pages_make_their_own() -> None:
    made = pages()
    made.touch(35)
    assert sum(made.touch(36) for _ in range(20)) <= 12


def test_nothing_is_made_past_the_end() -> None:
    made = pages(num_blocks=10)
    assert sum(made.touch(9) for _ in range(20)) == 6


@given(st.lists(st.integers(0, 1), max_size=200))
def test_a_page_is_there_before_its_first_block(steps: list[int]) -> None:
    made = pages(num_arrays=4)
    highest = made_in_all = 0
    for step in steps:
        highest = min(99, highest + step)
        assert made_in_all >= 4 * (highest // 10 + 1) or highest < 10
        made_in_all += made.touch(highest)


def test_at_rest_all_pages_are_made_that_would_be_due_before_long() -> None:
    made = pages()
    made.touch(1)
    while made.rest():
        pass
    assert sum(made.touch(highest) for highest in range(2, 10)) == 0
    assert sum(made.touch(highest) for highest in range(10, 20)) == 6


def test_at_rest_after_fast_use_no_page_is_made_that_the_steps_have_made() -> None:
    made = pages()
    made.touch(35)
    count = 0
    while made.rest():
        count += 1
    assert count <= 12


def test_a_cache_that_was_never_used_takes_no_memory_at_rest() -> None:
    made = pages()
    made.touch(0)
    assert not made.rest()


def test_at_rest_nothing_is_made_past_the_end() -> None:
    made = pages(num_blocks=10)
    made.touch(9)
    assert sum(made.rest() for _ in range(20)) <= 6


class _Noting(np.ndarray[Any, np.dtype[np.uint8]]):
    """An array that notes where it is written."""

    written: list[int]

    def __setitem__(self, at: Any, value: Any) -> None:
        self.written.append(at)
        super().__setitem__(at, value)


def test_no_byte_is_written_that_a_step_may_be_writing() -> None:
    _Noting.written = []
    made = PagesAhead([np.ones((100, 8), np.uint8).view(_Noting)], page_bytes=80)
    for highest in range(9, 100, 10):  # whole pages at a time
        before = len(_Noting.written)
        made.touch(highest)
        assert all(at >= (highest + 1) * 8 for at in _Noting.written[before:])
    assert _Noting.written


def test_what_is_in_the_cache_stays() -> None:
    arrays = [np.arange(800, dtype=np.uint64).astype(np.uint8).reshape(100, 8) for _ in range(3)]
    before = [each.copy() for each in arrays]
    made = PagesAhead(arrays, page_bytes=80)
    for highest in range(100):
        made.touch(highest)
        made.rest()
    assert all(np.array_equal(*pair) for pair in zip(arrays, before, strict=True))
