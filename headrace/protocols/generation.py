"""A language model asked by a dialect, and its answers read, whole or as they come."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from starlette.requests import Request as HttpRequest
from starlette.types import Receive

from headrace.errors import Cancelled, HeadraceError, Internal
from headrace.generation import Ask, Generated
from headrace.protocols.limits import read_headers
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.parameters import trace_of
from headrace.protocols.request_id import settle
from headrace.protocols.spent import COST, cost, generation_headers
from headrace.protocols.sse import Pipe, until_gone
from headrace.protocols.unread import arrived_ns, asked
from headrace.servable import Cancel
from headrace.types import ModelRef, ModelVersion, Request, Response

log = logging.getLogger(__name__)

_UNEXPECTED = "the model answered something else than it was asked"

R = TypeVar("R")

AnsweredBy = Callable[[ModelVersion], None]
"""Told which version answers, before anything of its answer is written."""


def _unheard(version: ModelVersion) -> None:
    """Nobody wants to know."""


def make_request(
    front: Front, http: HttpRequest, id_: str, model: ModelRef, ask: Ask, priority: int | None = None
) -> Request:
    """An ask as the gateway takes it, which is handed to that next; `priority` is that of its body, and `id_` what the
    answer is called there.

    Raises InvalidRequest, naming a wrong header.
    """
    limits = read_headers(http.headers.raw).ranked(priority, "priority")
    trace = trace_of(http.headers.get("traceparent", ""))
    context = limits.context(arrived_ns(front, http), "http", trace, http.headers.raw)
    settled = settle(http.scope, id_)
    asked(http)
    return Request(settled, model, (), context=context, ask=ask, also=id_ if id_ != settled else "")


async def generate_all(
    front: Front, requests: Sequence[Request], receive: Receive, by: AnsweredBy = _unheard
) -> tuple[list[Generated], dict[str, str]]:
    """As `answer_all`, and what headers say of the first answer's time, and of what all of them cost."""
    generated, device_ns = await _all(front, requests, receive, Generated, by)
    elapsed_ns = front.clock.now_ns() - requests[0].context.arrived_ns
    headers = generation_headers(generated[0], elapsed_ns, ended=True)
    if front.usd_per_ns:
        headers[COST] = cost(device_ns, front.usd_per_ns)
    return generated, headers


async def answer_all(front: Front, requests: Sequence[Request], receive: Receive, kind: type[R]) -> list[R]:
    """The final result of each request. Cancels all of them as soon as one fails or the client is gone.

    Raises what the first to fail was refused with, and Cancelled where the client is gone.
    """
    return (await _all(front, requests, receive, kind))[0]


async def _all(
    front: Front, requests: Sequence[Request], receive: Receive, kind: type[R], by: AnsweredBy = _unheard
) -> tuple[list[R], int]:
    """The results, and what they had of the device's time."""
    device_ns = 0
    gathered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    results: dict[int, R] = {}

    def replies(which: int) -> Callable[[Response | HeadraceError], None]:
        def reply(answer: Response | HeadraceError) -> None:
            nonlocal device_ns
            if gathered.done():
                return
            if isinstance(answer, HeadraceError):
                gathered.set_exception(answer)
            elif not isinstance(answer.result, kind):
                gathered.set_exception(Internal(_UNEXPECTED))
            elif answer.final:
                by(answer.model)
                results[which] = answer.result
                device_ns += answer.device_ns
                if len(results) == len(requests):
                    gathered.set_result(None)

        return reply

    def gone(task: asyncio.Task[None]) -> None:
        if not gathered.done() and not task.cancelled():
            gathered.set_exception(Cancelled("the caller went away"))

    cancels = [front.gateway.submit(request, replies(which)) for which, request in enumerate(requests)]
    watch = asyncio.create_task(until_gone(receive))
    watch.add_done_callback(gone)
    try:
        await gathered
    finally:
        watch.cancel()
        for cancel in cancels:
            cancel()
    return [results[which] for which in range(len(requests))], device_ns


class Writer(Protocol):
    """Turns the news of a streamed generation into a dialect's bytes."""

    def news(self, which: int, generated: Generated) -> bytes:
        """What one request, by its place among those asked together, gained."""
        ...

    def failed(self, error: HeadraceError) -> bytes:
        """The stream breaks off with an error after its first piece."""
        ...

    def end(self) -> bytes:
        """All requests have had their final answer."""
        ...


def stream_all(
    front: Front, requests: Sequence[Request], writer: Writer, by: AnsweredBy = _unheard
) -> Callable[[Pipe], Cancel]:
    """What starts the requests and writes their news, for `Streamed`; an error of one ends them all."""

    def start(pipe: Pipe) -> Cancel:
        stream = _Stream(pipe, writer, len(requests), by)
        for which, request in enumerate(requests):
            if pipe.over:
                break
            began = partial(_stream_headers, front, request)
            stream.cancels.append(front.gateway.submit(request, partial(stream.reply, which, began)))
        return stream.cancel

    return start


Began = Callable[[Generated], dict[str, str]]
"""What headers say of a stream, by its first piece."""


def _stream_headers(front: Front, request: Request, generated: Generated) -> dict[str, str]:
    return generation_headers(generated, front.clock.now_ns() - request.context.arrived_ns, ended=False)


class _Stream:
    """Requests whose news go into one pipe."""

    def __init__(self, pipe: Pipe, writer: Writer, number: int, by: AnsweredBy) -> None:
        self.cancels: list[Cancel] = []
        self._pipe = pipe
        self._writer = writer
        self._by = by
        self._left = number  # without a final answer
        self._begun = False  # the client has got a piece

    def reply(self, which: int, began: Began, answer: Response | HeadraceError) -> None:
        if self._pipe.over:
            return
        if isinstance(answer, HeadraceError):
            self._break_off(answer)
            return
        if not isinstance(answer.result, Generated):
            self._break_off(Internal(_UNEXPECTED))
            return
        if not self._pipe.headers:
            self._pipe.headers = began(answer.result)
        try:
            if not self._begun:
                self._by(answer.model)
            self._write(which, answer.result, answer.final)
        except Exception:
            log.exception("writing an answer failed")
            self._break_off(Internal("the server failed on this answer; its log says why"))

    def cancel(self) -> None:
        for cancel in self.cancels:
            cancel()

    def _write(self, which: int, generated: Generated, final: bool) -> None:
        data = self._writer.news(which, generated)
        self._begun = self._begun or bool(data)
        if final:
            self._left -= 1
            if not self._left:
                data += self._writer.end()
        self._pipe.write(data)
        if not self._left:
            self._pipe.end()

    def _break_off(self, error: HeadraceError) -> None:
        if self._begun:
            self._pipe.write(self._writer.failed(error))
            self._pipe.end()
        else:
            self._pipe.fail(error)
        self.cancel()
