"""A call on a stream that the test plays."""

import asyncio
import random
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import nullcontext
from typing import Any, cast

import pytest

from headrace.protocols.beside import Beside
from headrace.protocols.bodies import Bodies
from headrace.protocols.grpc.call import Opened, RemoteCall
from headrace.protocols.grpc.messages import PREFIX, PREFIX_BYTES
from headrace.protocols.grpc.method import Call, Method, Stream, Unary
from headrace.protocols.grpc.request import OPENING, Asked
from headrace.protocols.grpc.status import (
    CANCELLED,
    DEADLINE_EXCEEDED,
    INTERNAL,
    INVALID_ARGUMENT,
    OK,
    RESOURCE_EXHAUSTED,
    alike,
    status_block,
)
from headrace.protocols.http2.stream import Stream as Channel
from headrace.types import Buffer

Sent = tuple[bytes, bytes, bytes | None]


class FakeChannel:
    """Keeps what is sent: head, content, tail."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.free = True
        self.room = 1 << 30
        self.happened = asyncio.Event()
        self.wanted: list[int] = []
        self.num_replenished = 0
        self.may_send = True

    def send(self, head: bytes, parts: Sequence[Buffer], size: int, tail: bytes | None) -> bool:
        content = b"".join(parts)
        assert len(content) == size
        self.sent.append((head, content, tail))
        self.happened.set()
        return self.free

    def has_room(self, size: int) -> bool:
        return size <= self.room

    def want(self, size: int) -> None:
        self.wanted.append(size)

    def replenish(self) -> None:
        self.num_replenished += 1
        self.happened.set()

    def sated(self) -> None:
        """Nothing is counted here."""


def opened(
    method: Method,
    encoding: str = "identity",
    timeout_s: float | None = None,
    max_bytes: int = 1000,
    beside: Beside | None = None,
    bodies: Bodies | None = None,
) -> tuple[RemoteCall, FakeChannel]:
    channel = FakeChannel()
    asked = Asked(method, timeout_s, encoding, (("x", "1"),))
    beside, loop = beside or Beside(nullcontext), asyncio.get_running_loop()
    made = Opened(asked, method, max_bytes, loop, beside, bodies or Bodies(max_bytes))
    call = RemoteCall(cast(Channel, channel), made)
    return call, channel


def framed(message: bytes, compressed: int = 0) -> bytes:
    return PREFIX.pack(compressed, len(message)) + message


def tell(call: RemoteCall, data: bytes, ended: bool = True) -> None:
    call.receive(memoryview(data), ended)


ECHO = Unary(lambda sent, call: call.finish(bytes(sent)))


async def test_an_answer_is_one_send() -> None:
    call, channel = opened(ECHO)
    tell(call, framed(b"abc"))
    assert channel.sent == [(OPENING, framed(b"abc"), status_block(OK))]


LARGE = framed(bytes(1 << 20))


async def test_a_large_message_counts_while_it_comes_and_until_its_call_has_ended() -> None:
    served, bodies = list[Call](), Bodies(1 << 20)
    call, _ = opened(Unary(lambda sent, call: served.append(call)), max_bytes=1 << 20, bodies=bodies)
    tell(call, LARGE[:100_000], False)
    assert bodies.total == 100_000 - PREFIX_BYTES
    tell(call, LARGE[100_000:])
    assert bodies.total == 100_000 - PREFIX_BYTES
    served[0].finish(b"")
    assert bodies.total == 0


async def test_a_large_message_of_a_stream_counts_while_it_comes() -> None:
    bodies, got = Bodies(1 << 20), asyncio.Event()

    async def take(requests: AsyncIterator[Buffer], call: Call) -> None:
        async for _ in requests:
            got.set()

    call, _ = opened(Stream(take), max_bytes=1 << 20, bodies=bodies)
    tell(call, LARGE[:100_000], False)
    assert bodies.total
    tell(call, LARGE[100_000:], False)
    await got.wait()
    assert bodies.total == 0
    call.left()


async def test_a_large_message_that_has_no_room_among_all_ends_the_call() -> None:
    bodies = Bodies(1)
    held = bodies.grown(0, 64 << 20)
    call, channel = opened(ECHO, max_bytes=1 << 20, bodies=bodies)
    tell(call, LARGE[:100_000], False)
    code = RESOURCE_EXHAUSTED
    what = "the bodies of requests take up the 67108864 bytes that they may have together; try again"
    assert channel.sent[0][2] == OPENING + status_block(code, what)
    assert bodies.total == held


async def test_a_client_that_leaves_gives_back_what_came_of_a_large_message() -> None:
    bodies = Bodies(1 << 20)
    call, _ = opened(ECHO, max_bytes=1 << 20, bodies=bodies)
    tell(call, LARGE[:100_000], False)
    call.left()
    assert bodies.total == 0


PACKED = zlib.compress(random.Random(1).randbytes(1100))


async def test_a_large_compressed_message_is_unpacked_beside_others() -> None:
    call, channel = opened(ECHO, "deflate", max_bytes=2000)
    tell(call, framed(PACKED, 1))
    assert not channel.sent
    await channel.happened.wait()
    assert channel.sent[0][1] == framed(zlib.decompress(PACKED))


async def test_a_large_compressed_message_that_is_none_ends_the_call() -> None:
    call, channel = opened(ECHO, "gzip", max_bytes=2000)
    tell(call, framed(PACKED, 1))
    await channel.happened.wait()
    assert channel.sent[0][2] == OPENING + status_block(INTERNAL, "a message is not valid gzip")


async def test_who_leaves_while_a_message_is_unpacked_asks_nothing() -> None:
    served: list[Buffer] = []
    beside = Beside(nullcontext)
    call, _ = opened(Unary(lambda sent, call: served.append(sent)), "deflate", max_bytes=2000, beside=beside)
    tell(call, framed(PACKED, 1))
    call.left()
    await beside.close()
    assert not served


async def test_a_message_in_pieces_is_served_once_it_is_whole() -> None:
    call, channel = opened(ECHO)
    for byte in framed(b"abc"):
        assert not channel.sent
        tell(call, bytes((byte,)), False)
    assert [content for _, content, _ in channel.sent] == [framed(b"abc")]
    tell(call, b"")


async def test_room_is_asked_for_as_far_as_a_message_is_missing() -> None:
    call, channel = opened(ECHO)
    tell(call, framed(bytes(900))[:105], False)
    assert channel.wanted == [800]


async def test_a_message_may_be_filled_in_place() -> None:
    call, channel = opened(ECHO)
    sent = framed(bytes(range(200)) * 4)
    tell(call, sent[:50], False)
    room = call.place(10_000)
    assert room is not None
    assert len(room) == len(sent) - 50
    room[:] = sent[50:]
    call.placed(len(room), True)
    assert channel.sent[0][1] == sent


async def test_a_second_message_of_a_unary_call_is_nobodys() -> None:
    served: list[Buffer] = []
    call, _ = opened(Unary(lambda sent, call: served.append(sent)))
    tell(call, framed(b"a") + framed(b"b"))
    assert [bytes(each) for each in served] == [b"a"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", INVALID_ARGUMENT),
        (framed(b"abc")[:4], INVALID_ARGUMENT),
        (framed(b"abc")[:7], INVALID_ARGUMENT),
        (framed(b"abc", 1), INTERNAL),
        (framed(b"abc", 7), INTERNAL),
        (framed(bytes(1001)), RESOURCE_EXHAUSTED),
    ],
)
async def test_what_is_no_message_ends_the_call(data: bytes, code: int) -> None:
    served: list[Buffer] = []
    call, channel = opened(Unary(lambda sent, call: served.append(sent)))
    tell(call, data)
    assert not served
    ((head, content, tail),) = channel.sent
    assert (head, content) == (b"", b"")
    assert tail is not None
    assert tail.startswith(OPENING + status_block(code))


async def test_a_client_that_leaves_is_told_of_once_and_nothing_is_said_to_it() -> None:
    left: list[str] = []
    call, channel = opened(Unary(lambda sent, call: call.when_left(lambda: left.append("left"))))
    tell(call, framed(b""))
    call.left()
    call.left()
    call.finish(b"late")
    call.end(CANCELLED)
    await call.write(b"later")
    assert (left, channel.sent) == (["left"], [])


async def test_a_deadline_ends_the_call_and_tells_its_method() -> None:
    left = asyncio.Event()
    call, channel = opened(Unary(lambda sent, call: call.when_left(left.set)), timeout_s=0.0)
    tell(call, framed(b""))
    assert call.time_remaining() == 0.0
    await left.wait()
    assert channel.sent == [(b"", b"", OPENING + status_block(DEADLINE_EXCEEDED, "Deadline Exceeded"))]


async def test_trailers_follow_an_answer() -> None:
    call, channel = opened(Unary(lambda sent, call: call.finish(b"", (("x-queue-ms", "1.000"),))))
    tell(call, framed(b""))
    assert channel.sent[0][2] == status_block(OK, "", (("x-queue-ms", "1.000"),))


async def test_what_several_calls_end_with_goes_before_a_calls_own() -> None:
    shared, own = (("x-batch-size", "4"),), (("x-queue-ms", "1.000"),)
    call, channel = opened(Unary(lambda sent, call: call.finish(b"", own, alike(shared))))
    tell(call, framed(b""))
    assert channel.sent[0][2] == status_block(OK, "", (*shared, *own))


# ---- streams


async def double(requests: AsyncIterator[Buffer], call: Call) -> None:
    async for sent in requests:
        await call.write(bytes(sent) * 2)


async def settled(channel: FakeChannel, count: int) -> list[Sent]:
    """What was sent, once it is so much."""
    while len(channel.sent) < count:
        channel.happened.clear()
        await channel.happened.wait()
    return channel.sent


async def test_each_message_of_a_stream_is_answered_and_it_ends_well() -> None:
    call, channel = opened(Stream(double))
    tell(call, framed(b"a") + framed(b"b"))
    assert await settled(channel, 3) == [
        (OPENING, framed(b"aa"), None),
        (b"", framed(b"bb"), None),
        (b"", b"", status_block(OK)),
    ]


async def test_compressed_messages_of_a_stream_come_in_order() -> None:
    call, channel = opened(Stream(double), "deflate", max_bytes=2000)
    tell(call, framed(PACKED, 1) + framed(b"b"))
    sent = await settled(channel, 3)
    assert [content for _, content, _ in sent] == [framed(zlib.decompress(PACKED) * 2), framed(b"bb"), b""]


async def test_a_stream_ends_at_a_compressed_message_that_is_none() -> None:
    call, channel = opened(Stream(double), "gzip", max_bytes=2000)
    tell(call, framed(PACKED, 1), False)
    (sent,) = await settled(channel, 1)
    assert sent[2] == OPENING + status_block(INTERNAL, "a message is not valid gzip")


async def test_a_stream_writes_on_when_what_it_wrote_is_on_its_way() -> None:
    call, channel = opened(Stream(double))
    channel.free = False
    tell(call, framed(b"a") + framed(b"b"))
    await settled(channel, 1)
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(channel.sent) == 1
    call.drained()
    await settled(channel, 2)


async def test_a_client_may_send_on_once_its_messages_were_taken() -> None:
    taken = asyncio.Event()

    async def slow(requests: AsyncIterator[Buffer], call: Call) -> None:
        await taken.wait()
        async for _ in requests:
            pass

    call, channel = opened(Stream(slow))
    tell(call, framed(b"a") * 10, False)
    for _ in range(5):
        await asyncio.sleep(0)
    assert channel.num_replenished == 0
    taken.set()
    channel.happened.clear()
    await channel.happened.wait()
    assert channel.num_replenished == 1
    call.left()


async def test_a_stream_whose_client_leaves_is_cancelled() -> None:
    ended = asyncio.Event()

    async def wait(requests: AsyncIterator[Buffer], call: Call) -> None:
        try:
            async for _ in requests:
                pass
        finally:
            ended.set()

    call, _ = opened(Stream(wait))
    await asyncio.sleep(0)
    call.left()
    await ended.wait()


async def test_a_stream_that_raises_is_an_internal_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(requests: AsyncIterator[Buffer], call: Call) -> None:
        raise ZeroDivisionError("secret")

    call, channel = opened(Stream(fail))
    (sent,) = await settled(channel, 1)
    assert sent[2] is not None
    assert sent[2].startswith(OPENING + status_block(INTERNAL)) or b"secret" not in sent[2]
    assert "secret" in caplog.text
    call.left()


async def test_what_the_client_sent_along_is_seen() -> None:
    call, _ = opened(ECHO)
    seen: Any = call.metadata
    assert seen == (("x", "1"),)
