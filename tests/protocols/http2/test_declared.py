"""What a request says of its length, and what comes."""

from typing import cast

import pytest

from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.codes import END_STREAM, PROTOCOL_ERROR
from headrace.protocols.http2.declared import Declared, declared_bytes
from headrace.protocols.http2.faults import StreamFault
from headrace.protocols.http2.header_blocks import Headers
from headrace.protocols.http2.stream import Stream
from tests.protocols.http2.peer import Heard, Peer


def declaring(size: int) -> tuple[Peer, Heard]:
    """A stream that is open, whose content is to be so long."""
    peer = Peer()
    heard = peer.request(ended=False)
    heard.stream.receiver = Declared(heard, heard.stream, size)
    return peer, heard


def sent(*parts: bytes) -> bytes:
    """A request's content, of which the last part ends it."""
    last = len(parts) - 1
    return b"".join(frames.frame(codes.DATA, END_STREAM * (at == last), 1, part) for at, part in enumerate(parts))


@pytest.mark.parametrize(
    ("headers", "size"),
    [([], None), ([(b"x", b"1")], None), ([(b"content-length", b"0")], 0), ([(b"content-length", b"012")], 12)],
)
def test_a_length_is_read_where_there_is_one(headers: Headers, size: int | None) -> None:
    assert declared_bytes(headers) == size


@pytest.mark.parametrize("values", [[b""], [b"-1"], [b"+5"], [b"5x"], [b"5, 5"], [b"9" * 19], [b"5", b"5"]])
def test_what_is_no_length_is_a_fault_of_the_stream(values: list[bytes]) -> None:
    with pytest.raises(StreamFault) as fault:
        declared_bytes([(b"content-length", value) for value in values])
    assert fault.value.code == PROTOCOL_ERROR


@pytest.mark.parametrize("cut", [1, 2, 1 << 30])
def test_content_of_that_length_is_handed_on_however_it_comes(cut: int) -> None:
    peer, heard = declaring(6)
    peer.send(sent(b"abc", b"def", b""), cut)
    assert (heard.content, heard.ended) == (b"abcdef", True)
    assert peer.resets() == {}


def test_padding_does_not_count() -> None:
    peer, heard = declaring(3)
    peer.send(frames.frame(codes.DATA, codes.PADDED | END_STREAM, 1, b"\x04abc\0\0\0\0"))
    assert (heard.content, heard.ended) == (b"abc", True)


def test_a_large_frame_counts_where_it_is_read_to_its_place() -> None:
    peer, heard = declaring(100_000)
    peer.send(sent(bytes(100_000)), 40_000)
    assert (len(heard.content), heard.ended) == (100_000, True)


@pytest.mark.parametrize("parts", [(b"abcd", b"e"), (b"abc", b""), (b"ab", b"c"), (b"",)])
def test_content_of_another_length_resets_the_stream_and_is_not_served(parts: tuple[bytes, ...]) -> None:
    peer, heard = declaring(4)
    peer.send(sent(*parts))
    assert peer.resets() == {1: PROTOCOL_ERROR}
    assert (heard.ended, heard.gone) == (False, True)


def test_an_end_in_trailers_counts_too() -> None:
    peer, heard = declaring(4)
    peer.send(frames.frame(codes.HEADERS, codes.END_HEADERS | END_STREAM, 1, b""))
    assert peer.resets() == {1: PROTOCOL_ERROR}
    assert not heard.ended


def test_its_receiver_hears_when_the_client_is_ready_for_more() -> None:
    heard = Heard(cast(Stream, None), [])
    Declared(heard, heard.stream, 1).drained()
    assert heard.times_drained == 1
