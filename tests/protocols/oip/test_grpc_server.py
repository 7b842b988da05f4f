"""Both servers, met by the library's own client."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from headrace.protocols.grpc.method import Call, Method, Stream, Unary
from headrace.protocols.oip.grpc import Server
from headrace.types import Buffer
from tests.protocols.oip.grpc_server import Kind, table_server


@asynccontextmanager
async def served(kind: Kind, methods: Mapping[str, Method]) -> AsyncIterator[tuple[Server, Any]]:
    """A server, which the test stops, and a channel to it."""
    server = table_server(kind, {f"/test.Test/{name}": method for name, method in methods.items()})
    port = await server.listen("127.0.0.1", 0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield server, channel


@asynccontextmanager
async def serving(kind: Kind, methods: Mapping[str, Method]) -> AsyncIterator[Any]:
    async with served(kind, methods) as (server, channel):
        yield channel
        await server.stop(None)


def call(channel: Any, method: str, sent: bytes = b"", **options: Any) -> Any:
    return channel.unary_unary(f"/test.Test/{method}")(sent, **options)


END: Any = grpc.aio.EOF  # type: ignore[attr-defined]


async def refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return refused.value.code(), refused.value.details() or ""


async def test_a_call_is_answered(kind: Kind) -> None:
    async with serving(kind, {"Echo": Unary(lambda sent, call: call.finish(bytes(sent)[::-1]))}) as channel:
        assert await call(channel, "Echo", b"abc") == b"cba"


async def test_an_answer_may_come_later(kind: Kind) -> None:
    def later(sent: Buffer, call: Call) -> None:
        asyncio.get_running_loop().call_later(0.01, call.finish, b"late")

    async with serving(kind, {"Later": Unary(later)}) as channel:
        assert await call(channel, "Later") == b"late"


async def test_hundreds_of_calls_at_once_are_each_given_their_own_answer(kind: Kind) -> None:
    async with serving(kind, {"Echo": Unary(lambda sent, call: call.finish(bytes(sent)))}) as channel:
        sent = [b"%d" % number for number in range(300)]
        assert await asyncio.gather(*(call(channel, "Echo", one) for one in sent)) == sent


async def test_a_refusal_has_its_words_and_trailers(kind: Kind) -> None:
    async with serving(kind, {"No": Unary(lambda sent, call: call.end(5, "größer", (("why", "so"),)))}) as channel:
        under_way = call(channel, "No")
        assert await refusal(under_way) == (grpc.StatusCode.NOT_FOUND, "größer")
        assert ("why", "so") in [tuple(each) for each in await under_way.trailing_metadata()]


async def test_only_the_first_end_counts(kind: Kind) -> None:
    def twice(sent: Buffer, call: Call) -> None:
        call.finish(b"first")
        call.finish(b"second")
        call.end(13, "third")

    async with serving(kind, {"Twice": Unary(twice)}) as channel:
        assert await call(channel, "Twice") == b"first"


async def test_a_method_that_is_not_there_is_unimplemented(kind: Kind) -> None:
    async with serving(kind, {}) as channel:
        code, details = await refusal(call(channel, "Nothing"))
    assert code == grpc.StatusCode.UNIMPLEMENTED
    assert "/test.Test/Nothing" in details


async def test_a_method_that_raises_is_an_internal_fault_and_the_server_goes_on(
    kind: Kind,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(sent: Buffer, call: Call) -> None:
        raise ZeroDivisionError("secret")

    async with serving(
        kind, {"Fail": Unary(fail), "Echo": Unary(lambda sent, call: call.finish(bytes(sent)))}
    ) as channel:
        code, details = await refusal(call(channel, "Fail"))
        assert await call(channel, "Echo", b"on") == b"on"
    assert code == grpc.StatusCode.INTERNAL
    assert "secret" not in details
    assert "secret" in caplog.text


async def test_a_client_that_leaves_is_told_of_once(kind: Kind) -> None:
    left: asyncio.Queue[str] = asyncio.Queue()
    opened: asyncio.Queue[Call] = asyncio.Queue()

    def wait(sent: Buffer, call: Call) -> None:
        call.when_left(lambda: left.put_nowait("left"))
        opened.put_nowait(call)

    async with serving(kind, {"Wait": Unary(wait)}) as channel:
        under_way = call(channel, "Wait")
        seen = await opened.get()
        under_way.cancel()
        assert await left.get() == "left"
        seen.finish(b"nobody reads this")
    assert left.empty()


async def test_a_deadline_is_told_and_ends_the_call(kind: Kind) -> None:
    told: list[float | None] = []

    def wait(sent: Buffer, call: Call) -> None:
        told.append(call.time_remaining())

    async with serving(kind, {"Wait": Unary(wait)}) as channel:
        code, _ = await refusal(call(channel, "Wait", timeout=0.2))
    assert code == grpc.StatusCode.DEADLINE_EXCEEDED
    assert told[0] is not None
    assert 0 < told[0] < 0.3


async def test_without_a_deadline_there_is_no_time_remaining(kind: Kind) -> None:
    def tell(sent: Buffer, call: Call) -> None:
        call.finish(str(call.time_remaining()).encode())

    async with serving(kind, {"Tell": Unary(tell)}) as channel:
        assert await call(channel, "Tell") == b"None"


async def test_what_the_client_sends_along_is_seen(kind: Kind) -> None:
    def tell(sent: Buffer, call: Call) -> None:
        call.finish(str(dict(call.metadata)["x-word"]).encode())

    async with serving(kind, {"Tell": Unary(tell)}) as channel:
        assert await call(channel, "Tell", metadata=(("x-word", "spoken"),)) == b"spoken"


async def doubled(requests: AsyncIterator[Buffer], call: Call) -> None:
    async for sent in requests:
        await call.write(bytes(sent) * 2)


async def test_a_stream_answers_each_message_and_ends_well(kind: Kind) -> None:
    async with serving(kind, {"Double": Stream(doubled)}) as channel:
        stream = channel.stream_stream("/test.Test/Double")()
        for word in (b"a", b"b"):
            await stream.write(word)
            assert await stream.read() == word * 2
        await stream.done_writing()
        assert await stream.read() == END
        assert await stream.code() == grpc.StatusCode.OK


async def test_a_stream_may_end_without_a_word_from_either_side(kind: Kind) -> None:
    async with serving(kind, {"Double": Stream(doubled)}) as channel:
        stream = channel.stream_stream("/test.Test/Double")()
        await stream.done_writing()
        assert await stream.code() == grpc.StatusCode.OK


async def test_a_stream_that_its_client_leaves_ends(kind: Kind) -> None:
    ended = asyncio.Event()

    async def wait(requests: AsyncIterator[Buffer], call: Call) -> None:
        try:
            async for sent in requests:
                await call.write(bytes(sent))
        finally:  # by being cancelled, or because nothing more comes: whichever is told first
            ended.set()

    async with serving(kind, {"Wait": Stream(wait)}) as channel:
        stream = channel.stream_stream("/test.Test/Wait")()
        await stream.write(b"x")
        assert await stream.read() == b"x"
        stream.cancel()
        await ended.wait()


async def test_a_server_that_stops_lets_what_runs_finish_within_its_grace(kind: Kind) -> None:
    begun = asyncio.Event()

    def later(sent: Buffer, call: Call) -> None:
        begun.set()
        asyncio.get_running_loop().call_later(0.05, call.finish, b"late")

    async with served(kind, {"Later": Unary(later)}) as (server, channel):
        under_way = asyncio.ensure_future(call(channel, "Later"))
        await begun.wait()
        await asyncio.gather(server.stop(10), under_way)
    assert under_way.result() == b"late"


async def test_a_server_that_stops_cancels_what_outlasts_its_grace(kind: Kind) -> None:
    begun, left = asyncio.Event(), asyncio.Event()

    def never(sent: Buffer, call: Call) -> None:
        call.when_left(left.set)
        begun.set()

    async with served(kind, {"Never": Unary(never)}) as (server, channel):
        under_way = call(channel, "Never")
        ended = asyncio.ensure_future(under_way.code())
        await begun.wait()
        await asyncio.gather(server.stop(0.05), ended, left.wait())
    assert ended.result() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)
