"""Streamed answers: sent as they come, cancelled when the client goes, cut off when it does not read."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from starlette.types import Message

from headrace.errors import InvalidRequest
from headrace.protocols.sse import CONNECTION, MAX_UNSENT_BYTES, Pipe, Streamed, event, named_event, one_line


class Client:
    """What an ASGI server would do for one client, and a connection that can be stopped up."""

    def __init__(self, direct: bool = True) -> None:
        self.sent: list[Message] = []
        self.written = b""
        self.aborted = False
        self.write_paused = False  # as the connection's flow says it
        self.free = asyncio.Event()  # the client reads
        self.free.set()
        self._gone = asyncio.Event()
        self.scope: dict[str, Any] = {"type": "http", "method": "POST"}
        if direct:
            self.scope["extensions"] = {CONNECTION: {"transport": self, "flow": self}}

    async def receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.free.wait()
        self.sent.append(message)
        self.written += message.get("body", b"")

    def write(self, data: bytes) -> None:
        size, _, rest = data.partition(b"\r\n")
        assert rest[int(size, 16) :] == b"\r\n"
        self.written += rest[:-2]

    def is_closing(self) -> bool:
        return self._gone.is_set()

    def abort(self) -> None:
        self.aborted = True
        self.leave()
        self.free.set()

    def leave(self) -> None:
        self._gone.set()

    def stop_reading(self) -> None:
        self.write_paused = True
        self.free.clear()


class Running:
    """A streamed answer under way."""

    def __init__(
        self, client: Client, first: Callable[[Pipe], None] = lambda pipe: None, patience_s: float = 60.0
    ) -> None:
        self.cancelled = 0
        self._first = first
        self.pipe = Pipe()
        self.task = asyncio.ensure_future(
            Streamed(self._start, patience_s=patience_s)(client.scope, client.receive, client.send)
        )

    def _start(self, pipe: Pipe) -> Callable[[], None]:
        self.pipe = pipe
        self._first(pipe)
        return self._cancel

    def _cancel(self) -> None:
        self.cancelled += 1


async def turns(number: int = 5) -> None:
    """Let the other tasks go on."""
    for _ in range(number):
        await asyncio.sleep(0)


@pytest.mark.parametrize("end", ["\x85", "\u2028", "\u2029", "\n", "\r", "\x0b", "\x1c"])
def test_nobody_finds_the_end_of_a_line_within_a_value(end: str) -> None:
    encoded = one_line({"text": f"ä{end}日{end}"})
    assert len(encoded.decode().splitlines()) == 1
    assert msgspec.json.decode(encoded) == {"text": f"ä{end}日{end}"}


def test_events_are_written_as_the_standard_says() -> None:
    assert event({"a": "ü"}) == 'data: {"a":"ü"}\n\n'.encode()
    assert named_event("ping", {}) == b"event: ping\ndata: {}\n\n"


@pytest.mark.parametrize("direct", [True, False])
async def test_pieces_arrive_in_order_and_whole(direct: bool) -> None:
    client = Client(direct)
    running = Running(client)
    await turns()
    assert client.sent == []
    for i in range(6):
        running.pipe.write(b"%d" % i)
        await turns(i)
    running.pipe.end()
    await running.task
    assert client.written == b"012345"
    assert client.sent[0]["status"] == 200
    assert (b"content-type", b"text/event-stream; charset=utf-8") in client.sent[0]["headers"]
    assert not any(name == b"content-length" for name, _ in client.sent[0]["headers"])
    assert client.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


async def test_a_piece_goes_out_in_the_call_that_writes_it() -> None:
    client = Client()
    running = Running(client, lambda pipe: pipe.write(b"first"))
    await turns()
    running.pipe.write(b" second")
    assert client.written == b"first second"
    running.pipe.end()
    await running.task


async def test_an_answer_that_is_whole_before_it_is_sent_is_sent_whole() -> None:
    client = Client()

    def everything(pipe: Pipe) -> None:
        pipe.write(b"all")
        pipe.end()

    await Running(client, everything).task
    assert client.written == b"all"
    assert client.sent[-1]["more_body"] is False


async def test_what_fails_before_the_first_piece_is_raised_and_nothing_sent() -> None:
    client = Client()
    running = Running(client, lambda pipe: pipe.fail(InvalidRequest("too long", "prompt")))
    with pytest.raises(InvalidRequest, match="too long"):
        await running.task
    assert client.sent == []


@pytest.mark.parametrize("begun", [True, False])
async def test_a_client_that_leaves_cancels(begun: bool) -> None:
    client = Client()
    running = Running(client, (lambda pipe: pipe.write(b"first")) if begun else (lambda pipe: None))
    await turns()
    assert running.cancelled == 0
    client.leave()
    await turns()
    assert running.cancelled
    await running.task


async def test_what_a_slow_client_does_not_take_is_kept_and_sent_in_order() -> None:
    client = Client()
    running = Running(client, lambda pipe: pipe.write(b"0"))
    await turns()
    client.stop_reading()
    for i in range(1, 5):
        running.pipe.write(b"%d" % i)
        await turns(1)
    assert client.written == b"0"
    client.write_paused = False
    client.free.set()
    await turns()
    running.pipe.write(b"5")
    running.pipe.end()
    await running.task
    assert client.written == b"012345"


async def test_a_client_that_does_not_read_is_cut_off_at_the_limit() -> None:
    client = Client()
    running = Running(client, lambda pipe: pipe.write(b"0"))
    await turns()
    client.stop_reading()
    for _ in range(MAX_UNSENT_BYTES // 1024 + 2):
        running.pipe.write(b"x" * 1024)
        await turns(1)
    assert client.aborted
    assert running.cancelled
    assert sum(map(len, running.pipe.unsent)) <= MAX_UNSENT_BYTES + 1024
    await running.task


async def test_a_client_that_takes_nothing_for_long_is_cut_off() -> None:
    client = Client()
    running = Running(client, lambda pipe: pipe.write(b"0"), patience_s=0.0)
    await turns()
    client.stop_reading()
    running.pipe.write(b"1")
    await running.task
    assert client.aborted
    assert running.cancelled


async def test_what_the_first_piece_tells_is_in_the_head() -> None:
    def start(pipe: Pipe) -> None:
        pipe.headers = {"x-queue-ms": "1.000"}
        pipe.write(b"0")
        pipe.end()

    client = Client()
    await Running(client, start).task
    assert (b"x-queue-ms", b"1.000") in client.sent[0]["headers"]
