"""ModelStreamInfer: requests of one stream run side by side, answers leave in the order in which they come."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from itertools import count
from typing import NamedTuple

from msgspec.structs import replace

from headrace.errors import HeadraceError
from headrace.generated.service_pb2 import ModelInferRequest, ModelInferResponse, ModelStreamInferResponse
from headrace.protocols.beside import LONG_BYTES, takes_long
from headrace.protocols.grpc.method import Call, Stream
from headrace.protocols.limits import read_metadata
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.grpc_call import due_ns, fault, metadata, refuse, said
from headrace.protocols.oip.grpc_infer import Read, understood, written
from headrace.protocols.oip.grpc_messages import Written, read_request
from headrace.protocols.oip.grpc_raw import Cut, Cutter, in_stream
from headrace.protocols.request_id import bounded, shown
from headrace.servable import Cancel
from headrace.types import Buffer, Response

MAX_RUNNING = 128
"""Requests of one stream that may run or have answers unsent; the next is read only then."""


class _Answer(NamedTuple):
    message: bytes | None  # None: nothing is to be sent
    error: HeadraceError | None
    final: bool  # of its request


def stream(front: Front, max_running: int = MAX_RUNNING) -> Stream:
    """The method for a table of methods.

    An error answers its own request, named by `infer_response.id`, and the stream goes on; with the metadata
    `triton_grpc_error: true` it ends the stream with a status.
    """

    async def serve(requests: AsyncIterator[Buffer], call: Call) -> None:
        try:
            await _Stream(front, call, max_running).run(requests)
        except HeadraceError as error:
            refuse(call, error)
        except Exception:
            refuse(call, fault("a stream failed"))

    return Stream(serve)


class _Stream:
    """One stream from its first request to its last answer."""

    def __init__(self, front: Front, call: Call, max_running: int) -> None:
        self._front = front
        self._call = call
        self._cutter = Cutter()
        self._trace = said(tuple(call.metadata)).trace
        self._headers = call.metadata
        self._limits = read_metadata(call.metadata)  # of each request, from its own arrival
        self._due_ns = due_ns(call, front.clock.now_ns())  # of all: one time, for their order must not depend on clocks
        self._strict = metadata(call, "triton_grpc_error").lower() == "true"
        self._permits = asyncio.Semaphore(max_running)
        self._answers: asyncio.Queue[_Answer | None] = asyncio.Queue()  # bounded by the permits; None: the end
        self._running: dict[int, Cancel] = {}
        self._ids: dict[int, str] = {}  # of those that run
        self._numbers = count()
        self._complete = False  # the client has sent its last request

    async def run(self, requests: AsyncIterator[Buffer]) -> None:
        """Read and answer until both sides are done. Raises the first error where the client asked for that."""
        reading = asyncio.create_task(self._read(requests))
        try:
            while (answer := await self._answers.get()) is not None:
                if answer.error is not None and self._strict:
                    raise answer.error
                if answer.message is not None:
                    await self._call.write(answer.message)
                if answer.final:
                    self._permits.release()
            await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            for cancel in list(self._running.values()):
                cancel()
            self._running.clear()  # who is cancelled knows this: what is unsent would wait for the garbage collector

    async def _read(self, requests: AsyncIterator[Buffer]) -> None:
        try:
            async for sent in requests:
                await self._permits.acquire()
                await self._submit(sent)
        finally:
            self._complete = True
            self._end_if_done()

    async def _submit(self, sent: Buffer) -> None:
        """Hand the next request on; where it takes long to read, a thread does that, and those behind it wait."""
        number, message = next(self._numbers), ModelInferRequest()
        self._running[number] = lambda: None
        try:
            parts = self._cutter.cut(sent)
            message = await self._understood(parts)
        except HeadraceError as error:
            self._put(number, message, error, True)
            return
        self._ids[number] = bounded(message.id) or self._front.ids()
        read, go_on = self._reading(message, parts.raw), partial(self._go_on, number, message)
        if takes_long(parts.rest, len(sent), parts.most_tensors, self._front.regions.longest_bytes):
            await self._read_beside(read, go_on)
        else:
            go_on(read)

    async def _understood(self, parts: Cut) -> ModelInferRequest:
        read = partial(understood, parts)
        return read() if len(parts.rest) <= LONG_BYTES else await self._front.beside.understood(read)

    def _reading(self, message: ModelInferRequest, contents: Sequence[Buffer]) -> Read:
        front, now_ns = self._front, self._front.clock.now_ns()
        said = self._limits if self._due_ns is None else self._limits.within(self._due_ns - now_ns)
        where = front.registry, front.regions, self._headers
        return partial(read_request, message, contents, said, now_ns, self._trace, *where)

    async def _read_beside(self, read: Read, go_on: Callable[[Read], None]) -> None:
        gone_on = asyncio.Event()

        def done(read: Read) -> None:
            go_on(read)
            gone_on.set()

        cancel = self._front.beside.read(read, done)
        try:
            await gone_on.wait()
        finally:
            cancel()

    def _go_on(self, number: int, message: ModelInferRequest, read: Read) -> None:
        try:
            cancel = self._start(number, message, read)
        except HeadraceError as error:
            self._put(number, message, error, True)
        except Exception:
            self._put(number, message, fault("reading a request failed"), True)
        else:
            if number in self._running:  # not answered yet
                self._running[number] = cancel

    def _start(self, number: int, message: ModelInferRequest, read: Read) -> Cancel:
        front = self._front
        request, wanted = read()
        request = replace(request, id=self._ids[number])
        # Each request has an answer; an end without outputs that follows others is sent to those who ask for it.
        send_empty = True
        wants_empty = request.parameters.get("triton_enable_empty_final_response") is True

        def reply(answer: Response | HeadraceError) -> None:
            nonlocal send_empty
            final = isinstance(answer, HeadraceError) or answer.final
            if isinstance(answer, Response) and final and not answer.outputs and not send_empty:
                self._put(number, message, None, True)
            else:
                self._put(number, message, written(answer, message.id, wanted, front.regions), final)
            send_empty = wants_empty

        return front.gateway.submit(request, reply)

    def _put(self, number: int, asked: ModelInferRequest, answer: Written | HeadraceError | None, final: bool) -> None:
        if isinstance(answer, HeadraceError):
            refusal = _refusal(asked, answer, self._ids.get(number, ""))
            self._answers.put_nowait(_Answer(refusal, answer, final))
        elif answer is None:
            self._answers.put_nowait(_Answer(None, None, final))
        else:
            answer.message.parameters["triton_final_response"].bool_param = final
            self._answers.put_nowait(_Answer(in_stream(answer.serialized()), None, final))
        if final:
            self._ids.pop(number, None)
            self._running.pop(number, None)
            self._end_if_done()

    def _end_if_done(self) -> None:
        if self._complete and not self._running:
            self._answers.put_nowait(None)


def _refusal(asked: ModelInferRequest, error: HeadraceError, request_id: str) -> bytes:
    response = ModelInferResponse(model_name=asked.model_name, model_version=asked.model_version, id=asked.id)
    response.parameters["code"].string_param = error.code
    if request_id and not asked.id:  # its client has no other name for it
        response.parameters["request_id"].string_param = shown(request_id)
    return ModelStreamInferResponse(error_message=str(error), infer_response=response).SerializeToString()
