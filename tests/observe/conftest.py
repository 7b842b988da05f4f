"""What several tests of watching need."""

import logging
from collections.abc import Iterator

import pytest

from headrace.observe.logs import LIBRARIES


@pytest.fixture
def loggers() -> Iterator[None]:
    """The process's loggers, put back afterwards."""
    changed = [logging.getLogger(), *(logging.getLogger(name) for name in LIBRARIES)]
    before = [(log, log.handlers[:], log.level, log.propagate) for log in changed]
    yield
    for log, handlers, level, propagate in before:
        log.handlers[:] = handlers
        log.setLevel(level)
        log.propagate = propagate
