"""Pages of a cache are there before its blocks are used."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.runtimes.pages_ahead import PagesAhead


def pages(num_arrays: int = 6, num_blocks: int = 100) -> PagesAhead:
    """Pages of ten blocks."""
    return PagesAhead([np.ones((num_blocks, 8), np.uint8) for _ in range(num_arrays)], page_bytes=80)


def test_the_next_page_is_made_an_array_at_a_time() -> None:
    made = pages()
    assert [made.touch(0) for _ in range(8)] == [1, 1, 1, 1, 1, 1, 0, 0]


def test_it_goes_on_when_blocks_of_that_page_are_used() -> None:
    made = pages()
    counts = [made.touch(highest) for highest in range(20)]
    assert sum(counts[:10]) == sum(counts[10:]) == 6
    assert max(counts) <= 2


def test_fast_use_makes_more_at_a_time() -> None:
    assert pages().touch(5) > 1


def test_a_step_that_is_ahead_of_the_pages_makes_its_own() -> None:
    made = pages()
    assert made.touch(35) <= 6
    assert sum(made.touch(36) for _ in range(9)) <= 6


def test_nothing_is_made_past_the_end() -> None:
    assert pages(num_blocks=10).touch(9) == 0


@given(st.lists(st.integers(0, 4), max_size=60))
def test_all_of_a_page_is_there_before_its_first_block(steps: list[int]) -> None:
    """Where a page is used to its end before the next is begun."""
    made, highest, since = pages(), 0, 0
    for step in steps:
        last, highest = highest, min(99, highest + step)
        if highest // 10 > last // 10:
            if last % 10 == 9:
                assert since == 6
            since = 0
        since += made.touch(highest)


def test_what_is_in_the_cache_stays() -> None:
    arrays = [np.arange(800, dtype=np.uint64).astype(np.uint8).reshape(100, 8) for _ in range(3)]
    before = [each.copy() for each in arrays]
    made = PagesAhead(arrays, page_bytes=80)
    for highest in range(100):
        made.touch(highest)
    assert all(np.array_equal(*pair) for pair in zip(arrays, before, strict=True))
