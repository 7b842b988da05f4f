"""A fault in one turn of a loop is told, and ends nothing."""

import asyncio

import pytest

from headrace.lasting import lasting


def test_a_fault_is_logged_with_what_failed(caplog: pytest.LogCaptureFixture) -> None:
    with lasting("a look for alerts"):
        raise ValueError("broken")
    assert "a look for alerts failed; it goes on" in caplog.text
    assert "ValueError: broken" in caplog.text


def test_what_is_to_end_ends() -> None:
    with pytest.raises(asyncio.CancelledError), lasting("a look"):
        raise asyncio.CancelledError
