"""What a dialect refuses before the gateway has the request: recorded all the same, once, as far as it was read.

A request that is right costs two entries in its scope.
"""

from contextlib import suppress

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from headrace.errors import HeadraceError, Internal, InvalidRequest
from headrace.protocols.endpoint import Handle
from headrace.protocols.limits import UNSAID, read_headers
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.parameters import trace_of
from headrace.protocols.request_id import id_of
from headrace.protocols.sse import CONNECTION
from headrace.types import Buffer, Context, ModelRef

LONG_BYTES = 65_536
"""Of a body that is not read a second time for the name of its model."""

_MEANT = "headrace.meant"
_ASKED = "headrace.asked"


class _Named(msgspec.Struct, frozen=True):
    model: str


def meant(request: Request, model: ModelRef) -> None:
    """It is for this model, whatever becomes of it."""
    request.scope[_MEANT] = model


def meant_by(request: Request, body: Buffer) -> None:
    """It is for the model that its body names, which cannot be read otherwise."""
    if len(body) <= LONG_BYTES:
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            meant(request, ModelRef(msgspec.json.decode(body, type=_Named).model))


def asked(request: Request) -> None:
    """From here on the gateway records what becomes of it."""
    request.scope[_ASKED] = True


def arrived_ns(front: Front, request: Request) -> int:
    """When its headers were read, where the connection knows that."""
    came: int = request.scope.get("extensions", {}).get(CONNECTION, {}).get("arrived_ns", 0)
    return came or front.clock.now_ns()


def recorded(front: Front, handle: Handle) -> Handle:
    """The same, for requests that are for a model: what it refuses before they are `asked` is recorded."""

    async def answer(request: Request) -> Response:
        came_ns = arrived_ns(front, request)
        try:
            return await handle(request)
        except ClientDisconnect:
            raise  # nobody is refused anything
        except Exception as error:
            if _ASKED not in request.scope:
                told = error if isinstance(error, HeadraceError) else Internal("the server failed on this request")
                model = request.scope.get(_MEANT, ModelRef(""))
                front.gateway.unread(id_of(request.scope), model, _context(request, came_ns), told)
            raise

    return answer


def _context(request: Request, came_ns: int) -> Context:
    """As far as its headers are right."""
    limits = UNSAID
    with suppress(InvalidRequest):
        limits = read_headers(request.headers.raw)
    trace = trace_of(request.headers.get("traceparent", ""))
    return limits.context(came_ns, "http", trace, request.headers.raw)
