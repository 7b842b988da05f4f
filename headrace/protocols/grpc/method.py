"""What gRPC asks of a method, and what a method sees of its call: the same under every server."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from headrace.types import Buffer

Metadata = Sequence[tuple[str, str | bytes]]
"""Names and values that travel with a call; names that end in `-bin` have bytes."""


class Alike(NamedTuple):
    """Metadata that the ends of several calls have in common, and the headers that it is; `status.alike` makes it."""

    metadata: Metadata = ()
    block: bytes = b""


NOTHING_ALIKE = Alike()


class Call(Protocol):
    """One call as its method sees it. Whatever is said after its end, or its client's, is dropped."""

    @property
    def metadata(self) -> Metadata:
        """What the client sent along."""
        ...

    def time_remaining(self) -> float | None:
        """Seconds until the client stops waiting; None where it did not say."""
        ...

    def finish(self, message: Buffer, trailers: Metadata = (), alike: Alike = NOTHING_ALIKE) -> None:
        """The one answer of a unary call, and its end, with trailers of its own and those that others have too."""
        ...

    def end(self, code: int, details: str = "", trailers: Metadata = ()) -> None:
        """End the call with a status."""
        ...

    async def write(self, message: bytes) -> None:
        """One answer of a stream; returns when the next may follow. One at a time."""
        ...

    def when_left(self, left: Callable[[], object]) -> None:
        """Call `left` if the client goes, or its deadline passes, before the end."""
        ...


class AgainCall(Call, Protocol):
    """A call that is one of many alike."""

    def finish_framed(self, framed: bytes, block: bytes) -> None:
        """As `finish`, with the message behind its prefix, and all the headers that end the call."""
        ...


class Again(NamedTuple):
    """Calls that differ in some bytes of their messages alone."""

    spans: Sequence[tuple[int, int]]  # where these begin and end, in order
    serve: Callable[[AgainCall, tuple[bytes, ...]], None]  # begins to answer one, as `Unary` does, given these bytes


def _never(message: bytes, metadata: Metadata) -> Again | None:
    return None


class Unary(NamedTuple):
    """A method of one request: `serve` begins to answer it, on the event loop, and must not raise.

    `again` is asked of a call that was served and has no deadline, by its message and its metadata.
    """

    serve: Callable[[Buffer, Call], None]
    again: Callable[[bytes, Metadata], Again | None] = _never


class Stream(NamedTuple):
    """A method of many requests or answers: the call ends well when `serve` returns. It must not raise."""

    serve: Callable[[AsyncIterator[Buffer], Call], Awaitable[None]]


Method = Unary | Stream
