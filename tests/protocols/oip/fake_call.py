"""What a gRPC method sees of its call, without a connection."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from headrace.protocols.grpc.method import NOTHING_ALIKE, Alike, Metadata
from headrace.types import Buffer


class End(NamedTuple):
    """How a call was ended."""

    code: int
    details: str
    trailers: Metadata


class FakeCall:
    """Keeps what is written and how the call was ended."""

    def __init__(self, remaining_s: float | None = None, **sent: str) -> None:
        self.ended: End | None = None
        self.over = asyncio.Event()  # it has ended
        self.written: list[bytes] = []
        self.left: Callable[[], object] | None = None
        self.metadata: Metadata = tuple(sent.items())
        self._remaining_s = remaining_s

    def time_remaining(self) -> float | None:
        return self._remaining_s

    def when_left(self, left: Callable[[], object]) -> None:
        self.left = left

    def finish(self, message: Buffer, trailers: Metadata = (), alike: Alike = NOTHING_ALIKE) -> None:
        assert self.ended is None
        self.written.append(bytes(message))
        self.end(0, trailers=(*alike.metadata, *trailers))

    def end(self, code: int, details: str = "", trailers: Metadata = ()) -> None:
        assert self.ended is None
        self.ended = End(code, details, trailers)
        self.over.set()

    async def write(self, message: bytes) -> None:
        self.written.append(bytes(message))
