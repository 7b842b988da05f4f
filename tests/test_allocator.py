"""The allocator's settings."""

import ctypes
import subprocess
import sys

import pytest

from headrace import allocator


def test_glibc_takes_the_settings() -> None:
    code = "from headrace.allocator import keep_freed_memory; print(keep_freed_memory())"
    if not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"):
        pytest.skip("the C library is not glibc")
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "True\n"


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not allocator.keep_freed_memory()


def run_of(code: str) -> str:
    """What a fresh process writes; skipped where its allocator is another."""
    if not hasattr(ctypes.CDLL(None), "mallinfo2"):
        pytest.skip("the C library is not glibc of 2.33 or later")
    return subprocess.check_output([sys.executable, "-c", MAPPED + code], text=True).strip()


MAPPED = """
import ctypes
from headrace.allocator import one_heap
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks u f k".split()]
library = ctypes.CDLL(None)
library.mallinfo2.restype = Info
"""


def test_what_is_allocated_while_a_model_is_loaded_lies_in_one_heap() -> None:
    code = "\nbefore = library.mallinfo2().hblks\nwith one_heap():\n    kept = bytearray(100 << 20)"
    assert run_of(code + "\n    print(library.mallinfo2().hblks - before)") == "0"


def test_what_is_free_of_it_at_the_end_is_given_back() -> None:
    code = """
from headrace.devices.process_stat import resident_bytes
with one_heap():
    freed, kept = [b"x" * (3 << 20) for _ in range(30)], b"x" * (1 << 20)
    most = resident_bytes()
    del freed
print(most - resident_bytes())
"""
    assert int(run_of(code)) > 80 << 20


def test_afterwards_the_largest_have_pages_of_their_own_again() -> None:
    code = "\nwith one_heap():\n    pass\nbefore = library.mallinfo2().hblks\nlarge = bytearray(100 << 20)"
    assert run_of(code + "\nprint(library.mallinfo2().hblks - before)") == "1"


def test_it_is_left_again_though_loading_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    with pytest.raises(RuntimeError), allocator.one_heap():
        raise RuntimeError


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("", "glibc.malloc.hugetlb=1"),
        ("glibc.malloc.arena_max=2", "glibc.malloc.arena_max=2:glibc.malloc.hugetlb=1"),
        ("glibc.malloc.hugetlb=0", "glibc.malloc.hugetlb=0"),
    ],
)
def test_children_have_large_pages_unless_the_user_says_otherwise(own: str, told: str) -> None:
    assert allocator.tunables({allocator.TUNABLES: own} if own else {}) == told


def test_memory_that_was_touched_ahead_is_what_a_load_gets() -> None:
    code = """
from headrace.allocator import touch_ahead
from headrace.devices.process_stat import resident_bytes
before = resident_bytes()
touch_ahead(16 << 20, lambda seconds: False)
touched = resident_bytes()
with one_heap():
    loaded = [b"x" * (5 << 20) for _ in range(3)]
    print(touched - before > 15 << 20, resident_bytes() - touched < 2 << 20)
"""
    assert run_of(code) == "True True"


def test_what_a_load_does_not_need_of_it_is_given_back() -> None:
    code = """
from headrace.allocator import touch_ahead
from headrace.devices.process_stat import resident_bytes
before = resident_bytes()
touch_ahead(32 << 20, lambda seconds: False)
with one_heap():
    pass
print(resident_bytes() - before < 4 << 20)
"""
    assert run_of(code) == "True"


TOUCHED = """
from headrace.allocator import PIECE_BYTES, touch_ahead
asked, now = [], iter(range(100))
def is_wanted(seconds):
    asked.append(seconds)
    return len(asked) == most
most = %d
touch_ahead(5 * PIECE_BYTES, is_wanted, lambda: next(now) ** 2)
print(asked)
"""


def test_after_each_piece_it_rests_for_as_long_as_that_took() -> None:
    assert run_of(TOUCHED % 100) == "[1.0, 5.0, 9.0, 13.0, 17.0]"


def test_once_the_process_is_wanted_it_touches_no_more() -> None:
    assert run_of(TOUCHED % 2) == "[1.0, 5.0]"


def test_nothing_is_touched_where_another_allocator_would_not_keep_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())

    def is_wanted(seconds: float) -> bool:
        raise AssertionError

    allocator.touch_ahead(16 << 20, is_wanted)
