"""Chats of the OpenAI API, streamed: prompts of a wanted length, and the times at which tokens come."""

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from headrace.arrivals import Arrival
from headrace.bench.address import Address
from headrace.bench.http_answer import Sink
from headrace.bench.http_wire import verdict_of, words
from headrace.bench.infer_http import request_head
from headrace.bench.samples import Answer, Stream
from headrace.bench.tensors import make_text
from headrace.bench.wire import Done, Outgoing

DEFAULT_PROMPT = 100
PATH = "/v1/chat/completions"


class Asked(msgspec.Struct, frozen=True):
    """How every answer is asked for."""

    model: str
    output_tokens: int = 64
    ignore_eos: bool = True  # so that answers are as long as they were asked for


class ChatSource:
    """Prompts of random words, no two alike: so nothing is answered from what was computed before."""

    def __init__(self, asked: Asked, address: Address, headers: Mapping[str, str], *, tenant: str, seed: int) -> None:
        self._asked = asked
        self._address = address
        self._headers = headers
        self._tenant = tenant
        self._random = np.random.default_rng([seed, 3])

    def prepare(self, arrivals: Iterable[Arrival]) -> None:
        """Nothing: each prompt is made when it is due."""

    def make(self, arrival: Arrival) -> Outgoing:
        """Its length is the prompt's, in words."""
        length = arrival.length or DEFAULT_PROMPT
        asked = self._asked
        body: dict[str, object] = {
            "model": asked.model,
            "messages": [{"role": "user", "content": make_text(length, self._random)}],
            "max_tokens": asked.output_tokens,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if asked.ignore_eos:
            body["ignore_eos"] = True
        content = msgspec.json.encode(body)
        tenant = arrival.tenant or self._tenant
        own = {"content-type": "application/json", "accept": "text/event-stream"}
        own |= {"x-tenant": tenant} if tenant else {}
        head = request_head(self._address, "POST", PATH, own | dict(self._headers), len(content))
        return Outgoing(head + content, b"", 1, length, tenant)


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: Any = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)


class _Usage(msgspec.Struct):
    completion_tokens: int = 0
    prompt_tokens: int = 0


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Any = None


_CHUNK = msgspec.json.Decoder(_Chunk)


class ChatSink:
    """Reads a stream of server-sent events; all that comes with one read came at one time."""

    def __init__(self, done: Done, now_ns: Callable[[], int]) -> None:
        self._done = done
        self._now_ns = now_ns
        self._status = 0
        self._buffer = b""
        self._times: list[int] = []
        self._usage = _Usage()
        self._whole = False
        self._fault = ""

    def head(self, status: int, head: bytes) -> None:
        self._status = status

    def piece(self, body: bytes) -> None:
        if self._status != 200:
            self._buffer = (self._buffer + body)[:2048]
            return
        *lines, self._buffer = (self._buffer + body).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._event(line[5:].strip())

    def end(self) -> None:
        if self._status != 200:
            self._done(Answer(verdict_of(self._status), str(self._status), words(self._buffer)))
        elif self._fault or not self._whole:
            self._done(Answer("error", "broken stream", self._fault or "it ended before [DONE]"))
        elif not self._times:
            self._done(Answer("error", "no tokens", "the stream had no text"))
        else:
            self._done(Answer("answered", "200", "", None, self._stream()))

    def _event(self, data: bytes) -> None:
        if data == b"[DONE]":
            self._whole = True
            return
        try:
            chunk = _CHUNK.decode(data)
        except msgspec.MsgspecError as error:
            self._fault = f"an event is no chunk of a chat: {error}"
            return
        if chunk.error is not None:
            self._fault = words(msgspec.json.encode(chunk.error))
        if chunk.usage:
            self._usage = chunk.usage
        for choice in chunk.choices:
            delta = choice.delta
            if delta.content or delta.reasoning_content or delta.reasoning or delta.tool_calls:
                self._times.append(self._now_ns())

    def _stream(self) -> Stream:
        times = self._times
        gaps = tuple(late - early for early, late in pairwise(times))
        usage = self._usage
        return Stream(times[0], times[-1], usage.completion_tokens or len(times), usage.prompt_tokens, gaps)


def chat_sink(now_ns: Callable[[], int]) -> Callable[[Done], Sink]:
    """Makes the reader of each answer."""
    return lambda done: ChatSink(done, now_ns)
