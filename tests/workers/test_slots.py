"""Memory that two processes share."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.workers.slots import ALIGNMENT, KEPT_BYTES, Area, lay_out


@pytest.fixture
def sides() -> tuple[Area, Area]:
    """One memory, mapped twice as two processes would."""
    writer = Area.create("test")
    return writer, Area(os.dup(writer.fd))


def test_one_side_reads_what_the_other_wrote(sides: tuple[Area, Area]) -> None:
    writer, reader = sides
    writer.room(5)[:5] = b"hello"
    assert bytes(reader.view(5)) == b"hello"


def test_memory_grows_with_what_is_written_and_both_sides_see_it(sides: tuple[Area, Area]) -> None:
    writer, reader = sides
    writer.room(1)[:1] = b"a"
    assert bytes(reader.view(1)) == b"a"
    writer.room(1 << 20)[(1 << 20) - 1 : 1 << 20] = b"z"
    assert bytes(reader.view(1 << 20)[-1:]) == b"z"


def test_what_a_large_batch_took_goes_back_to_the_system(sides: tuple[Area, Area]) -> None:
    writer, _ = sides
    size = KEPT_BYTES + (4 << 20)
    writer.room(size)[:size] = b"x" * size
    before = os.fstat(writer.fd).st_blocks
    writer.trim()
    assert os.fstat(writer.fd).st_blocks <= before - (4 << 20) // 512
    assert bytes(writer.view(1)) == b"x"


@given(st.lists(st.integers(0, 1000)))
def test_tensors_are_aligned_and_do_not_overlap(sizes: list[int]) -> None:
    offsets, end = lay_out(sizes)
    reached = 0
    for offset, size in zip(offsets, sizes, strict=True):
        assert offset % ALIGNMENT == 0
        assert offset >= reached
        reached = offset + size
    assert end == reached
