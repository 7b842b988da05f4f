"""What a gRPC handler sees of its call, without a connection."""

from typing import Any

import grpc


class FakeCall:
    """Keeps what is written and how the call was ended."""

    def __init__(self, remaining_s: float | None = None, **sent: str) -> None:
        self.aborted: tuple[Any, ...] = ()
        self.written: list[Any] = []
        self._remaining_s = remaining_s
        self._sent = tuple(sent.items())

    def time_remaining(self) -> float | None:
        return self._remaining_s

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self._sent

    async def write(self, message: Any) -> None:
        self.written.append(message)

    async def abort(self, *arguments: Any) -> None:
        self.aborted = arguments
        raise grpc.aio.AbortError
