"""What every ordinary HTTP route needs: a bounded body, JSON both ways, and errors as JSON."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from headrace.errors import HeadraceError, Internal, MethodNotAllowed, NotFound, forget_frames
from headrace.protocols.beside import Expect
from headrace.protocols.bodies import Bodies, Counted
from headrace.protocols.compression import LITTLE_BYTES, decompress
from headrace.protocols.elements import LONG_BYTES, check_elements
from headrace.protocols.http_error import body_too_large, http_error
from headrace.protocols.json_body import decode
from headrace.protocols.other_paths import elsewhere
from headrace.protocols.request_id import HEADER, id_of, refused, shown
from headrace.types import Buffer

T = TypeVar("T")

_COMING = "headrace.coming"


class Bounded:
    """An ASGI application in front of another: the body of a request counts among all bodies until it is answered, and
    a drain that begins while one is unpacked or looked through waits for its request."""

    def __init__(self, app: ASGIApp, bodies: Bodies, expect: Expect = nullcontext) -> None:
        self._app = app
        self._bodies = bodies
        self._expect = expect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        coming = scope[_COMING] = _Coming(self._bodies, self._expect)
        try:
            await self._app(scope, receive, send)
        finally:
            coming.over()


class _Coming:
    """One request whose body is read."""

    def __init__(self, bodies: Bodies, expect: Expect) -> None:
        self.counted = Counted(bodies)
        self._expect = expect
        self._expected: AbstractContextManager[object] | None = None

    def expect(self) -> None:
        """From here on a drain waits for it."""
        self._expected = self._expected or self._expect()

    def over(self) -> None:
        self.counted.over()
        if self._expected is not None:
            with self._expected:
                self._expected = None


async def read_body(request: Request, limit_bytes: int) -> Buffer:
    """The whole body, decompressed.

    Raises BodyTooLarge before more than the limit is held, MemoryFull where all bodies together are too large.
    """
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > limit_bytes:
        raise body_too_large(limit_bytes)
    coming = _coming(request, limit_bytes)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit_bytes:
            raise body_too_large(limit_bytes)
        coming.counted.grown(len(body))
    encoding = request.headers.get("content-encoding", "")
    if not encoding:
        return body
    if len(body) <= LITTLE_BYTES:
        unpacked = decompress(body, encoding, limit_bytes)
    else:
        coming.expect()
        unpacked = await asyncio.to_thread(decompress, body, encoding, limit_bytes)
    coming.counted.grown(len(unpacked))
    return unpacked


def _coming(request: Request, limit_bytes: int) -> _Coming:
    """What is known of it in `Bounded`, or where that does not stand before the route."""
    found: _Coming | None = request.scope.get(_COMING)
    return found or _Coming(Bodies(limit_bytes), nullcontext)


async def read_json(request: Request, decoder: msgspec.json.Decoder[T], limit_bytes: int) -> T:
    """The body as the decoder's type; no body is an empty object. Raises InvalidRequest with the field's path."""
    return decode(decoder, await read_text(request, limit_bytes))


async def read_text(request: Request, limit_bytes: int) -> Buffer:
    """The whole body, of no more elements than may be; no body is an empty object. Raises as `read_body`, and
    InvalidRequest."""
    body = await read_body(request, limit_bytes) or b"{}"
    if len(body) > LONG_BYTES:
        _coming(request, limit_bytes).expect()
        await asyncio.to_thread(check_elements, body)
    return body


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value that msgspec encodes, as a JSON answer."""
    return Response(msgspec.json.encode(value), status, headers, "application/json")


def error_response(error: HeadraceError, request_id: str = "") -> Response:
    """An error as its answer, which names the request."""
    status, body, headers = refused(http_error(error), request_id) if request_id else http_error(error)
    if request_id:
        headers[HEADER] = shown(request_id)
    return Response(body, status, headers, "application/json")


async def on_error(request: Request, error: Exception) -> Response:
    """Starlette's handler for every exception: what a route raises becomes its answer."""
    id_ = id_of(request.scope)
    if isinstance(error, HeadraceError):
        forget_frames(error)
        return error_response(error, id_)
    if isinstance(error, ClientDisconnect):
        return Response()  # nobody reads it
    if isinstance(error, HTTPException):
        response = error_response(_routing_error(request, error), id_)
        response.headers.update(error.headers or {})
        return response
    return error_response(Internal("the server failed on this request; its log says why"), id_)


def _routing_error(request: Request, error: HTTPException) -> HeadraceError:
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        return wrong_method(request.method, request.url.path, allowed)
    return no_such_path(request.url.path)


def wrong_method(method: str, path: str, allowed: str) -> MethodNotAllowed:
    """What is told of a path that there is, not for this method; with the right one where it is another server's."""
    return MethodNotAllowed(f"{method} is not for {path}; {elsewhere(path) or f'use {allowed}'}")


def no_such_path(path: str) -> NotFound:
    """What is told of a path that there is not, with the right one where it is another server's, or a client's base URL
    the likely fault."""
    instead = elsewhere(path)
    return NotFound(f"there is no {path} here{'; ' if instead else ''}{instead}")
