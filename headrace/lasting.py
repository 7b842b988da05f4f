"""Loops that go on for as long as the server runs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


@contextmanager
def lasting(what: str) -> Iterator[None]:
    """One turn of such a loop: a fault is logged, and the next turn may go well."""
    try:
        yield
    except Exception:
        log.exception("%s failed; it goes on", what)
