"""A whole answer that is sent a piece at a time: it is never there in one, and never copied as a whole."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from headrace.protocols.sse import CONNECTION, PATIENCE_S

SENT_BYTES = 256 << 10
"""About so many at a time: they are copied to the connection while all others wait."""


class InPieces(Response):
    """JSON, of which pieces may be the same bytes; a client that takes nothing for long loses its connection."""

    def __init__(
        self, pieces: Sequence[bytes], headers: Mapping[str, str] | None = None, patience_s: float = PATIENCE_S
    ) -> None:
        self.status_code = 200
        self.media_type = "application/json"
        self.background = None
        self.init_headers({"content-length": str(sum(map(len, pieces))), **(headers or {})})
        self._pieces = pieces
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = scope.get("extensions", {}).get(CONNECTION)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            for block in _blocks(self._pieces):
                stalled = connection and connection["flow"].write_paused
                async with asyncio.timeout(self._patience_s if stalled else None):
                    await send({"type": "http.response.body", "body": block, "more_body": True})
                await asyncio.sleep(0)  # others have their turn where the client takes all at once
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            connection["transport"].abort()


def _blocks(pieces: Sequence[bytes]) -> Iterator[bytes]:
    waiting, size = list[bytes](), 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= SENT_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
