"""A connection without a socket: what is written is kept, and time passes when the test says so."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import uvicorn
from uvicorn.server import ServerState

from headrace.protocols.oip.infer_lane import InferLane, lane
from tests.protocols.oip.stub import Stub


class FakeTransport:
    """A client's side of a connection."""

    def __init__(self) -> None:
        self.written = b""
        self.calls: list[list[bytes]] = []  # what was handed over with each
        self.unsent = b""
        self.closed = False
        self.reading = True

    def write(self, data: bytes) -> None:
        self.writelines([data])

    def writelines(self, parts: list[bytes]) -> None:
        self.calls.append(parts)
        self.written += b"".join(parts)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True
        self.unsent = b""

    def get_write_buffer_size(self) -> int:
        return len(self.unsent)

    def get_extra_info(self, name: str) -> Any:
        return None

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class FakeTimers:
    """An event loop's clock and timers, for `pass_s`; everything else is the running loop's."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._loop = asyncio.get_running_loop()
        self._timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now_s

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        self._timers.append((self.now_s + delay_s, callback))
        return asyncio.TimerHandle(0, callback, (), self._loop)

    def pass_s(self, seconds: float) -> None:
        self.now_s += seconds
        due = [timer for timer in self._timers if timer[0] <= self.now_s]
        self._timers = [timer for timer in self._timers if timer not in due]
        for _, callback in due:
            callback()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


async def _not_found(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def connect(stub: Stub, timers: FakeTimers | None = None) -> tuple[InferLane, FakeTransport]:
    """A connection to the stub that closes when idle for 5 s; routes but inference are answered with a 404."""
    connection_class = lane(stub.front)
    config = uvicorn.Config(
        _not_found, http=connection_class, lifespan="off", ws="none", log_config=None, timeout_keep_alive=5
    )
    connection = cast(InferLane, connection_class(config, ServerState(), {}, cast(asyncio.AbstractEventLoop, timers)))
    transport = FakeTransport()
    connection.connection_made(cast(asyncio.Transport, transport))
    return connection, transport
