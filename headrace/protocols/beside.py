"""What would hold up all other requests, done on a thread: unpacking one, or reading a long one. Knows no protocol."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TypeVar

from headrace.errors import forget_frames
from headrace.servable import Cancel

T = TypeVar("T")

LONG_BYTES = 256 << 10
"""Of what is looked at number by number and string by string: some ten milliseconds."""

LONG_TENSORS = 1024
"""Of one message, however short: as much time."""

LONG_SHARED_BYTES = 4 << 20
"""Of tensors of any kind, to be read out of memory that is shared with the client: a millisecond or two."""

REST_S = 5e-5
"""Between two pieces of what a thread does: a moment in which another has woken up and has the interpreter."""

UNPACKING = 2  # threads: meanwhile others have the interpreter

_SHARED = b"shared_memory_region"

Expect = Callable[[], AbstractContextManager[object]]
"""Counts a request that is still to be read: `Gateway.expect`."""

Then = Callable[[Callable[[], T]], None]
"""Called on the event loop with what gives a result, or raises what was raised."""


class Beside:
    """Has a part of a request's work done beside the event loop. The server's drain waits for it.

    Its threads are its own: those of the loop read models' files and wait for disks, and a request would wait behind
    them, or they behind long messages that wait for their turn.
    """

    def __init__(self, expect: Expect) -> None:
        self._expect = expect
        self._unpacking = ThreadPoolExecutor(UNPACKING, "unpack")
        self._reading = ThreadPoolExecutor(
            1, "read"
        )  # one at a time: what is read takes many times its bytes meanwhile

    def unpack(self, work: Callable[[], T], then: Then[T]) -> Cancel:
        """Have it done, then call `then`. Whoever cancels is not called, and what has not begun is not done."""
        return self._do(self._unpacking, work, then)

    async def unpacked(self, work: Callable[[], T]) -> T:
        """What the work gives, for whoever waits for that; raises what it raises."""
        return await self._done(self.unpack, work)

    async def understood(self, work: Callable[[], T]) -> T:
        """The same of what reads a long message."""
        return await self._done(self.read, work)

    async def _done(self, begin: Callable[[Callable[[], T], Then[T]], Cancel], work: Callable[[], T]) -> T:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        results: list[Callable[[], T]] = []

        def then(result: Callable[[], T]) -> None:
            results.append(result)
            if not done.done():
                done.set_result(None)

        cancel = begin(work, then)
        try:
            await done
            return results.pop()()
        finally:
            cancel()
            del cancel  # it knows what is raised here, whose frames know it: what they hold would wait for a collection

    def read(self, work: Callable[[], T], then: Then[T]) -> Cancel:
        """The same of what reads a long message: while it does, no other is read."""
        return self._do(self._reading, work, then)

    async def close(self) -> None:
        """Begin nothing more, and wait for what was begun."""
        for threads in (self._unpacking, self._reading):
            await asyncio.to_thread(threads.shutdown, cancel_futures=True)

    def _do(self, threads: ThreadPoolExecutor, work: Callable[[], T], then: Then[T]) -> Cancel:
        expected = self._expect()
        doing = asyncio.get_running_loop().run_in_executor(threads, work)

        def done(doing: asyncio.Future[T]) -> None:
            with expected:
                if not doing.cancelled():
                    error = doing.exception()  # looked at here, for its client may have gone
                    then(doing.result)
                    if error is not None:
                        forget_frames(error)  # which know `doing`

        def cancel() -> None:
            doing.cancel()

        doing.add_done_callback(done)
        return cancel


def rest() -> None:
    """Let whoever waits for the interpreter have it, from a thread.

    Numpy lets go of it again and again, and has it back before another thread wakes up: that one never waits long
    enough to have it by force, and may wait for a hundred milliseconds.
    """
    time.sleep(REST_S)


def takes_long(said: bytes | memoryview, num_bytes: int, tensors: int = 0, shared_bytes: int = 0) -> bool:
    """Whether a message of so many bytes and tensors takes long to read, by what it says beside its raw tensors.

    Raw tensors are not looked at, except for strings, whose lengths are among them; `shared_bytes` is what one may have
    that lies in memory that is shared with the client, out of which all are copied.
    """
    if tensors > LONG_TENSORS or len(said) > LONG_BYTES:
        return True
    if shared_bytes > LONG_SHARED_BYTES and _SHARED in bytes(said):
        return True
    return (num_bytes > LONG_BYTES or shared_bytes > LONG_BYTES) and b"BYTES" in bytes(said)
