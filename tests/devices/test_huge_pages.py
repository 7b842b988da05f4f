"""Memory moves to huge pages."""

import mmap
import sys
from ctypes import addressof, c_char

import pytest

from headrace.devices.huge_pages import (
    HUGE_BYTES,
    are_wanted,
    huge_pages,
    is_dense,
    mapped,
    move,
    move_own_memory,
)

MIB = 1 << 20


def line(begin: int, end: int, rights: str = "rw-p", name: str = "") -> str:
    return f"{begin:x}-{end:x} {rights} 00000000 00:00 0 {name}\n"


def test_only_huge_pages_that_lie_whole_in_memory_without_a_file_count() -> None:
    maps = (
        line(3 * MIB, 9 * MIB)
        + line(20 * MIB, 22 * MIB, name="[heap]")
        + line(30 * MIB, 31 * MIB)
        + line(40 * MIB, 44 * MIB, name="/a file")
        + line(50 * MIB, 54 * MIB, rights="r--p")
        + line(60 * MIB, 64 * MIB, rights="rw-s")
        + line(70 * MIB, 74 * MIB, name="[stack]")
    )
    assert list(huge_pages(maps)) == [4 * MIB, 6 * MIB, 20 * MIB]


def test_one_of_which_little_is_there_is_left_alone() -> None:
    there, missing = b"\0" * 7 + b"\x81", b"\0" * 8
    assert is_dense(there * 480 + missing * 32)
    assert not is_dense(there * 440 + missing * 72)


@pytest.mark.skipif(sys.platform != "linux", reason="huge pages are asked for as Linux has them")
def test_moving_keeps_what_is_there_and_rests_in_between() -> None:
    memory = mmap.mmap(-1, 4 * HUGE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory[:] = bytes(range(256)) * (len(memory) // 256)
    begin = addressof(c_char.from_buffer(memory))
    rests: list[float] = []
    now = iter(range(1 << 30))
    addresses = range(-(-begin // HUGE_BYTES) * HUGE_BYTES, begin + 3 * HUGE_BYTES, HUGE_BYTES)
    moved = move(addresses, rests.append, lambda: float(next(now)))
    assert moved <= len(rests) == len(addresses)
    assert set(rests) == {9.0}  # a piece takes a second of that clock
    assert memory[:] == bytes(range(256)) * (len(memory) // 256)


def test_they_are_left_alone_where_the_owner_wants_none() -> None:
    assert are_wanted("always [madvise] never\n")
    assert are_wanted("[always] madvise never\n")
    assert not are_wanted("always madvise [never]\n")


@pytest.mark.skipif(sys.platform != "linux", reason="huge pages are asked for as Linux has them")
def test_what_was_there_before_is_left_where_it_is() -> None:
    there = mapped()
    memory = mmap.mmap(-1, 32 * HUGE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory[:] = bytes(len(memory))
    assert move_own_memory(mapped()) == 0
    assert move_own_memory(there) in {0, *range(29, 34)}  # 0 where the system has none; it may lie beside a neighbour
