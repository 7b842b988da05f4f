"""Header blocks: decoded as hpack does, and looked up only while that means the same."""

import pytest
from hpack.hpack import Decoder, Encoder
from hypothesis import given
from hypothesis import strategies as st

from headrace.protocols.http2 import codes
from headrace.protocols.http2.faults import ConnectionFault
from headrace.protocols.http2.header_blocks import HeaderDecoder, Headers, literal

NAMES = st.sampled_from([b":path", b"te", b"grpc-timeout", b"x-long-name-of-a-header"])
VALUES = st.one_of(st.sampled_from([b"", b"a", b"trailers", b"b" * 50]), st.binary(max_size=20))


def decoder(max_bytes: int = 1 << 16) -> HeaderDecoder[Headers]:
    return HeaderDecoder(list, max_bytes)


@given(st.lists(st.tuples(st.lists(st.tuples(NAMES, VALUES), max_size=5), st.booleans()), max_size=12))
def test_blocks_decode_as_hpack_decodes_them_however_often_they_come(
    sent: list[tuple[list[tuple[bytes, bytes]], bool]],
) -> None:
    encoder, ours = Encoder(), decoder()
    for headers, again in sent:
        for _ in range(3 if again else 1):
            assert [tuple(each) for each in ours.decode(encoder.encode(headers))] == headers


def test_a_block_that_comes_again_is_read_once() -> None:
    reads: list[Headers] = []
    ours = HeaderDecoder(lambda headers: reads.append(headers) or len(reads), 1 << 16)  # type: ignore[func-returns-value]
    encoder = Encoder()
    headers = [(b":path", b"/a"), (b"x", b"y")]
    assert [ours.decode(encoder.encode(headers)) for _ in range(4)] == [1, 2, 2, 2]  # the first fills the table


def test_a_block_means_something_else_once_the_table_has_changed() -> None:
    encoder, ours = Encoder(), decoder()
    ours.decode(encoder.encode([(b"x", b"1")]))
    assert ours.decode(b"\xbe") == [(b"x", b"1")]
    ours.decode(encoder.encode([(b"x", b"2")]))
    assert ours.decode(b"\xbe") == [(b"x", b"2")]


def test_a_table_that_is_resized_forgets_what_blocks_meant() -> None:
    encoder, ours = Encoder(), decoder()
    ours.decode(encoder.encode([(b"x", b"1")]))
    ours.decode(b"\xbe")
    ours.decode(b"\x20")
    with pytest.raises(ConnectionFault):
        ours.decode(b"\xbe")


@pytest.mark.parametrize(
    "block", [b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\xc0", b"\x00\x05a", b"\x3f\xff\xff\x7f", b"\x80"]
)
def test_what_cannot_be_decoded_ends_the_connection(block: bytes) -> None:
    with pytest.raises(ConnectionFault) as fault:
        decoder().decode(block)
    assert fault.value.code == codes.COMPRESSION_ERROR


def test_a_small_block_of_large_headers_is_a_flood() -> None:
    ours = decoder(10_000)
    ours.decode(Encoder().encode([(b"x", b"y" * 3000)]))
    with pytest.raises(ConnectionFault) as fault:
        ours.decode(b"\xbe" * 16_000)
    assert fault.value.code == codes.ENHANCE_YOUR_CALM


@given(st.binary(max_size=60))
def test_any_bytes_decode_or_are_a_fault(block: bytes) -> None:
    try:
        decoder().decode(block)
    except ConnectionFault:
        return


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=300), st.binary(max_size=70_000)), max_size=3))
def test_what_is_encoded_is_decoded_by_hpack(headers: list[tuple[bytes, bytes]]) -> None:
    block = b"".join(literal(*each) for each in headers)
    found = Decoder(max_header_list_size=1 << 20).decode(block, raw=True)
    assert [tuple(each) for each in found] == headers
