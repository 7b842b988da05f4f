"""As many open files as the system allows, and a line where there is no more."""

import errno
import logging
import os
import resource
from collections.abc import Iterator
from typing import Any

import pytest

from headrace.open_files import MOST, ask_for_most, most_files, tell_of_want


@pytest.fixture
def few() -> Iterator[int]:
    """This process may have few files, for the time of a test, and more where it asks; how many more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_what_the_system_allows_is_asked_for(few: int) -> None:
    ask_for_most()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most_files(), few)


@pytest.mark.parametrize(("allowed", "wanted"), [(4096, 4096), (1_073_741_816, MOST), (resource.RLIM_INFINITY, MOST)])
def test_it_is_a_number_that_tables_can_have(allowed: int, wanted: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda of: (1024, allowed))
    assert most_files() == wanted


async def test_want_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def none_left(*given: Any) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "open", none_left)
    with caplog.at_level(logging.WARNING):
        await tell_of_want()
    assert "new connections are closed, for no more files can be opened: Too many open files" in caplog.text


async def test_where_there_is_enough_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    await tell_of_want()
    assert not caplog.records
