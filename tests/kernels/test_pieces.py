"""All of it is done, once, and what goes wrong is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.kernels.pieces import each_piece


@given(st.integers(0, 100), st.integers(1, 40))
def test_pieces_make_up_the_whole(count: int, step: int) -> None:
    done: list[tuple[int, int]] = []
    each_piece(count, step, lambda begin, end: done.append((begin, end)))
    assert [number for begin, end in sorted(done) for number in range(begin, end)] == list(range(count))
    assert all(end - begin <= step for begin, end in done)


@pytest.mark.parametrize("count", [1, 10])
def test_what_a_piece_raises_is_raised(count: int) -> None:
    def fill(begin: int, end: int) -> None:
        raise ValueError(end)

    with pytest.raises(ValueError, match="1"):
        each_piece(count, 1, fill)
