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
