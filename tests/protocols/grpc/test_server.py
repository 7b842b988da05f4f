"""The native server on real sockets: TLS, other clients, slow ones, floods, and its end."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
import uvloop
from google.protobuf.wrappers_pb2 import BytesValue
from grpclib.client import Channel
from grpclib.const import Cardinality
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.protocols.beside import Beside
from headrace.protocols.bodies import Bodies
from headrace.protocols.grpc.method import Call, Method, Stream, Unary
from headrace.protocols.grpc.server import Server
from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.crowd import GRACE_S
from headrace.protocols.http2.header_blocks import literal
from headrace.protocols.http2.limits import Limits
from headrace.protocols.tls import Tls
from headrace.types import Buffer
from tests import certificates

BIG = bytes(range(256)) * 20_000  # 5 MB
REQUEST = b"".join(
    literal(*each)
    for each in (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/test.Test/Big"),
        (b"content-type", b"application/grpc"),
    )
)
EMPTY = bytes(5)
BESIDE = Beside(nullcontext)
BODIES = Bodies(1 << 20)


METHODS: dict[str, Method] = {
    "/test.Test/Echo": Unary(lambda sent, call: call.finish(bytes(sent))),
    "/test.Test/Big": Unary(lambda sent, call: call.finish(BIG)),
}


@asynccontextmanager
async def serving(tls: Tls | None = None, **more: Method) -> AsyncIterator[tuple[Server, int]]:
    server = Server(
        {**METHODS, **{f"/test.Test/{name}": method for name, method in more.items()}}, -1, Limits(), BESIDE, BODIES
    )
    port = await server.listen("127.0.0.1", 0, tls)
    try:
        yield server, port
    finally:
        await server.stop(None)


@asynccontextmanager
async def channel(port: int) -> AsyncIterator[grpc.aio.Channel]:
    sizes = [("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=sizes) as made:
        yield made


def echo(channel: Any, sent: bytes, **options: Any) -> Any:
    return channel.unary_unary("/test.Test/Echo")(sent, **options)


@asynccontextmanager
async def raw(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client of bare frames that has said hello."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(codes.PREFACE + frames.settings({}))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def payloads(received: bytes, kind: int) -> list[bytes]:
    """Of the frames of a kind."""
    found = []
    while len(received) >= 9:
        high, low, this, _, _ = frames.HEAD.unpack_from(received)
        end = 9 + (high << 8 | low)
        if this == kind:
            found.append(received[9:end])
        received = received[end:]
    return found


def goaways(received: bytes) -> list[int]:
    """The codes of GOAWAYs among frames."""
    return [int.from_bytes(payload[4:8]) for payload in payloads(received, codes.GOAWAY)]


async def test_calls_are_answered_over_tls(tmp_path: Path) -> None:
    made = certificates.make(tmp_path)
    credentials = grpc.ssl_channel_credentials(made.ca.read_bytes())
    sizes = [("grpc.max_receive_message_length", -1)]
    async with (
        serving(made.tls) as (_, port),
        grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials, sizes) as secure,
    ):
        assert await echo(secure, BIG) == BIG


def test_calls_are_answered_over_tls_on_the_loop_that_serves(tmp_path: Path) -> None:
    uvloop.run(test_calls_are_answered_over_tls(tmp_path))


async def test_a_client_of_http1_over_tls_is_hung_up_on(tmp_path: Path) -> None:
    made = certificates.make(tmp_path)
    context = ssl.create_default_context(cafile=made.ca)
    context.set_alpn_protocols(["http/1.1"])
    async with serving(made.tls) as (_, port):
        with pytest.raises((OSError, EOFError)):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            await reader.readexactly(1)


def test_large_messages_pass_both_ways_on_the_loop_that_serves() -> None:
    async def run() -> None:
        async with serving() as (_, port), channel(port) as made:
            told = await asyncio.gather(*(echo(made, BIG) for _ in range(20)))
        assert told == [BIG] * 20

    uvloop.run(run())


async def test_a_client_of_another_make_is_answered() -> None:
    async with serving() as (_, port):
        other = Channel("127.0.0.1", port)
        try:
            kind, sent = Cardinality.UNARY_UNARY, BytesValue(value=BIG)
            async with other.request("/test.Test/Echo", kind, BytesValue, BytesValue, timeout=30) as call:
                await call.send_message(sent, end=True)
                assert await call.recv_message() == sent
        finally:
            other.close()


async def test_a_client_that_reads_slowly_is_written_a_bounded_number_of_messages() -> None:
    num_written = 0

    async def endless(requests: AsyncIterator[Buffer], call: Call) -> None:
        nonlocal num_written
        while True:
            await call.write(bytes(100_000))
            num_written += 1

    path = REQUEST.replace(literal(b":path", b"/test.Test/Big"), literal(b":path", b"/test.Test/Endless"))
    async with serving(Endless=Stream(endless)) as (_, port), raw(port) as (_, writer), channel(port) as made:
        writer.write(frames.window_update(0, 1 << 30) + frames.settings({codes.INITIAL_WINDOW_SIZE: 1 << 30}))
        for number in range(1, 20, 2):
            writer.write(frames.frame(codes.HEADERS, codes.END_HEADERS, number, path))
        await writer.drain()
        before = -1
        while before < num_written:  # until sockets and windows are full
            before = num_written
            assert await asyncio.gather(*(echo(made, b"x") for _ in range(50))) == [b"x"] * 50
    assert 0 < num_written < 200


FLOODS: dict[str, Callable[[int], bytes]] = {
    "rapid reset": lambda number: (
        frames.frame(codes.HEADERS, codes.END_HEADERS, number, REQUEST) + frames.reset(number, codes.CANCEL)
    ),
    "reset of what is answered": lambda number: (
        frames.frame(codes.HEADERS, codes.END_HEADERS, number, REQUEST)
        + frames.frame(codes.DATA, codes.END_STREAM, number, EMPTY)
        + frames.reset(number, codes.CANCEL)
    ),
    "made to reset": lambda number: (
        frames.frame(codes.HEADERS, codes.END_HEADERS, number, REQUEST) + frames.window_update(number, 0)
    ),
    "pings": lambda number: frames.ping(bytes(8)),
    "settings": lambda number: frames.settings({4: number}),
    "priorities": lambda number: frames.frame(codes.PRIORITY, 0, number, bytes(5)),
    "windows": lambda number: frames.window_update(0, 1),
    "empty data": lambda number: (
        frames.frame(codes.HEADERS, codes.END_HEADERS, 1, REQUEST) if number == 1 else frames.frame(codes.DATA, 0, 1)
    ),
    "continuations": lambda number: frames.frame(
        codes.HEADERS if number == 1 else codes.CONTINUATION, 0, 1, b"\0\1a\1b"
    ),
    "large headers": lambda number: frames.frame(
        codes.HEADERS if number == 1 else codes.CONTINUATION, 0, 1, literal(b"a", bytes(15_000))
    ),
    "unknown": lambda number: frames.frame(200, 0, number),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_a_flood_ends_in_a_goodbye_and_others_are_served(flood: Callable[[int], bytes]) -> None:
    async with serving() as (_, port), channel(port) as made, raw(port) as (reader, writer):
        received = asyncio.create_task(reader.read(-1))
        with suppress(OSError):
            for number in range(1, 8001, 2):
                writer.write(flood(number))
            await writer.drain()
        assert await echo(made, b"x") == b"x"
        with suppress(ConnectionError):
            assert codes.ENHANCE_YOUR_CALM in goaways(await received)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=5), st.booleans())
def test_any_bytes_leave_the_server_up_and_others_unharmed(sent: list[bytes], greets: bool) -> None:
    async def run() -> None:
        async with serving() as (_, port), channel(port) as made:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                if greets:
                    connection.sendall(codes.PREFACE + frames.settings({}))
                for each in sent:
                    connection.sendall(each)
                assert await echo(made, b"x") == b"x"

    asyncio.run(run())


async def test_a_server_that_drains_lets_calls_finish_and_takes_no_connection() -> None:
    begun: asyncio.Queue[Call] = asyncio.Queue()
    late = Unary(lambda sent, call: begun.put_nowait(call))
    async with serving(Late=late) as (server, port), channel(port) as made:
        ask: Any = made.unary_unary
        waiting = asyncio.ensure_future(ask("/test.Test/Late")(b""))
        call = await begun.get()
        server.drain()
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)
        call.finish(b"late")
        assert await waiting == b"late"


async def test_an_address_that_is_taken_is_refused() -> None:
    async with serving() as (_, port):
        with pytest.raises(OSError):
            await Server(METHODS, -1, Limits(), BESIDE, BODIES).listen("127.0.0.1", port)


class Hurried(asyncio.SelectorEventLoop):
    """Its time is ahead by as much as the test says."""

    ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self.ahead_s


def test_an_idle_connection_makes_room_for_a_new_one_where_there_are_too_many() -> None:
    loop = Hurried()

    async def run() -> None:
        async with few(2) as (port, _), raw(port) as (idle, _), channel(port) as asked:
            assert await echo(asked, b"x") == b"x"
            loop.ahead_s += GRACE_S
            async with raw(port) as (new, _):
                assert goaways(await new.readexactly(9)) == []
                assert goaways(await idle.read(-1)) == [codes.NO_ERROR]
            assert await echo(asked, b"x") == b"x"

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(run())


async def test_where_all_are_busy_a_new_connection_is_refused_and_told_why(caplog: pytest.LogCaptureFixture) -> None:
    async with few(1) as (port, begun), channel(port) as busy:
        ask: Any = busy.unary_unary
        waiting = asyncio.ensure_future(ask("/test.Test/Wait")(b""))
        call = await begun.get()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        told = await reader.read(-1)
        writer.close()
        assert goaways(told) == [codes.ENHANCE_YOUR_CALM]
        assert b"too_many_connections" in told
        assert "connections are refused: 1 are open, which is the most (grpc.max_connections)" in caplog.text
        call.finish(b"")
        await waiting


@asynccontextmanager
async def few(most: int) -> AsyncIterator[tuple[int, "asyncio.Queue[Call]"]]:
    """The port of a server with room for so many connections, and calls that wait."""
    begun: asyncio.Queue[Call] = asyncio.Queue()
    methods = {**METHODS, "/test.Test/Wait": Unary(lambda sent, call: begun.put_nowait(call))}
    server = Server(methods, -1, Limits(), BESIDE, BODIES, most)
    try:
        yield await server.listen("127.0.0.1", 0), begun
    finally:
        await server.stop(None)


async def test_calls_without_end_of_one_client_do_not_hold_up_another() -> None:
    answered = 0
    begun = asyncio.Event()

    def count(sent: Buffer, call: Call) -> None:
        nonlocal answered
        answered += 1
        begun.set()
        call.finish(b"")

    request = REQUEST.replace(literal(b":path", b"/test.Test/Big"), literal(b":path", b"/test.Test/Count"))
    calls = [
        frames.frame(codes.HEADERS, codes.END_HEADERS, number, request)
        + frames.frame(codes.DATA, codes.END_STREAM, number, EMPTY)
        for number in range(1, 16_001, 2)
    ]
    async with serving(Count=Unary(count)) as (_, port), channel(port) as made, raw(port) as (_, writer):
        assert await echo(made, b"x") == b"x"
        writer.write(frames.window_update(0, 1 << 30) + b"".join(calls))
        await begun.wait()
        assert await echo(made, b"x") == b"x"
        assert answered < len(calls)


@pytest.mark.parametrize(
    ("declared", "code"), [(b"5", []), (b"4", [codes.PROTOCOL_ERROR]), (b"x", [codes.PROTOCOL_ERROR])]
)
async def test_a_call_whose_content_is_not_of_the_length_that_it_declares_is_reset(
    declared: bytes, code: list[int]
) -> None:
    async with serving() as (_, port), raw(port) as (reader, writer):
        block = REQUEST + literal(b"content-length", declared)
        writer.write(frames.frame(codes.HEADERS, codes.END_HEADERS, 1, block))
        writer.write(frames.frame(codes.DATA, codes.END_STREAM, 1, EMPTY))
        writer.write(frames.ping(bytes(8)))
        told = b""
        while not payloads(told, codes.PING):
            told += await reader.read(1 << 16)
        assert [int.from_bytes(payload) for payload in payloads(told, codes.RST_STREAM)] == code
