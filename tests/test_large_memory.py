"""Pieces of memory that come and go once."""

from array import array

from headrace.large_memory import LARGE_BYTES, fill, joined, room


def test_what_is_small_is_joined_as_ever() -> None:
    assert joined([b"ab", bytearray(b"c"), memoryview(b"def")]) == b"abcdef"
    assert joined([]) == b""


def test_what_is_large_is_joined_in_order_whatever_its_items_are() -> None:
    numbers = array("f", [1.5, -2.0])
    made = joined([b"head", bytes(LARGE_BYTES), memoryview(numbers), b"tail"])
    assert isinstance(made, memoryview)
    assert bytes(made) == b"head" + bytes(LARGE_BYTES) + numbers.tobytes() + b"tail"


def test_memory_is_the_callers_to_write() -> None:
    memory = room(5)
    memory[:] = b"abcde"
    assert bytes(memory) == b"abcde"


def test_it_is_filled_from_its_beginning_and_what_is_left_comes_back() -> None:
    memory = room(5)
    left = fill(memory, [b"ab", bytearray(b"c")])
    assert len(left) == 2
    fill(left, [b"de"])
    assert bytes(memory) == b"abcde"
