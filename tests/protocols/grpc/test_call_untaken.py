"""Large answers of which no more may wait for clients that do not take them."""

import asyncio
from collections.abc import AsyncIterator

from headrace.protocols.grpc.method import Call, Stream, Unary
from headrace.protocols.grpc.request import OPENING
from headrace.protocols.grpc.status import OK, RESOURCE_EXHAUSTED, status_block
from headrace.types import Buffer
from tests.protocols.grpc.test_call import framed, opened, tell


async def test_a_large_answer_that_may_not_wait_for_its_client_ends_the_call_and_a_small_one_always_may() -> None:
    left = list[int]()
    for size, code in ((100_000, RESOURCE_EXHAUSTED), (1000, OK)):
        call, channel = opened(Unary(lambda sent, call, size=size: call.finish(bytes(size))))  # type: ignore[misc]
        call.when_left(lambda: left.append(1))
        channel.room = 0
        tell(call, framed(b""))
        (_, content, tail), *_ = channel.sent
        assert tail is not None
        assert tail.removeprefix(OPENING).startswith(status_block(code)[:15])
        assert bool(content) == (code == OK)
    assert not left


async def test_a_stream_whose_large_answer_may_not_wait_for_its_client_is_ended_and_cancelled() -> None:
    cancelled = asyncio.Event()

    async def serve(requests: AsyncIterator[Buffer], call: Call) -> None:
        try:
            await call.write(bytes(100_000))
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    _, channel = opened(Stream(serve))
    channel.room = 0
    await cancelled.wait()
    (_, content, tail), *_ = channel.sent
    assert not content
    assert tail is not None
