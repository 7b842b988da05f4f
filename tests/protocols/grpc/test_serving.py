"""A method's own fault ends its call and nothing else."""

import logging
from collections.abc import AsyncIterator, Callable

import pytest

from headrace.protocols.grpc.method import NOTHING_ALIKE, Alike, Call, Metadata, Stream, Unary
from headrace.protocols.grpc.serving import answer, converse
from headrace.protocols.grpc.status import INTERNAL, OK
from headrace.types import Buffer


class Ended:
    """A call that remembers how it ended; what comes after its end is dropped, as by every call."""

    metadata: Metadata = ()

    def __init__(self) -> None:
        self.told: list[tuple[int, str]] = []

    def time_remaining(self) -> float | None:
        return None

    def finish(self, message: Buffer, trailers: Metadata = (), alike: Alike = NOTHING_ALIKE) -> None:
        self.end(OK, bytes(message).decode())

    def end(self, code: int, details: str = "", trailers: Metadata = ()) -> None:
        if not self.told:
            self.told.append((code, details))

    async def write(self, message: bytes) -> None: ...

    def when_left(self, left: Callable[[], object]) -> None: ...


async def _nothing() -> AsyncIterator[Buffer]:
    return
    yield b""


def test_a_message_is_handed_to_its_method() -> None:
    call = Ended()
    answer(Unary(lambda message, call: call.finish(bytes(message))), b"hi", call)
    assert call.told == [(OK, "hi")]


def test_a_method_that_fails_is_told_of_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    def broken(message: Buffer, call: Call) -> None:
        raise ValueError("secret")

    call = Ended()
    with caplog.at_level(logging.ERROR):
        answer(Unary(broken), b"", call)
    assert call.told == [(INTERNAL, "the server failed on this request; its log says why")]
    assert "secret" in caplog.text


async def test_a_stream_ends_well_when_its_method_returns_and_with_a_fault_where_it_fails() -> None:
    async def well(requests: AsyncIterator[Buffer], call: Call) -> None:
        assert [each async for each in requests] == []

    async def broken(requests: AsyncIterator[Buffer], call: Call) -> None:
        raise ValueError("secret")

    good, bad = Ended(), Ended()
    await converse(Stream(well), _nothing(), good)
    await converse(Stream(broken), _nothing(), bad)
    assert good.told == [(OK, "")]
    assert bad.told == [(INTERNAL, "the server failed on this stream; its log says why")]
