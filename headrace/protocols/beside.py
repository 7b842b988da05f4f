"""What would hold up all other requests, done on a thread: unpacking one, or reading a long one. Knows no protocol."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Lock
from typing import TypeVar

from headrace.servable import Cancel

T = TypeVar("T")

LONG_BYTES = 256 << 10
"""Of what is looked at number by number and string by string: some ten milliseconds."""

Expect = Callable[[], AbstractContextManager[object]]
"""Counts a request that is still to be read: `Gateway.expect`."""


class Beside:
    """Has a part of a request's work done beside the event loop."""

    def __init__(self, expect: Expect) -> None:
        self._expect = expect

    def do(self, work: Callable[[], T], then: Callable[[Callable[[], T]], None]) -> Cancel:
        """Have it done, then call `then` on the event loop with what gives its result, or raises what it raised.

        The server's drain waits for it. Whoever cancels is not called, and what has not begun is not done.
        """
        expected = self._expect()
        doing = asyncio.get_running_loop().run_in_executor(None, work)

        def done(doing: asyncio.Future[T]) -> None:
            with expected:
                if not doing.cancelled():
                    doing.exception()  # looked at here, for its client may have gone
                    then(doing.result)

        def cancel() -> None:
            doing.cancel()

        doing.add_done_callback(done)
        return cancel


def in_turn(turn: Lock, work: Callable[[], T]) -> T:
    """Do it on this thread while no other does such work: what is read takes many times its bytes for a while."""
    with turn:
        return work()


def takes_long(said: bytes | memoryview, num_bytes: int) -> bool:
    """Whether a message of so many bytes takes long to read, by what it says beside its raw tensors.

    Raw tensors are not looked at, except for strings, whose lengths are among them.
    """
    return len(said) > LONG_BYTES or (num_bytes > LONG_BYTES and b"BYTES" in bytes(said))
