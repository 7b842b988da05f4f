"""Plain blocks of headers are read as the whole decoder reads them."""

from hpack import Decoder, Encoder
from hypothesis import given
from hypothesis import strategies as st

from headrace.bench.hpack_plain import read_plain
from headrace.bench.http2_frames import plain_headers

NAMES = st.sampled_from(["grpc-status", "grpc-message", "content-type", ":status", "x-queue-ms", "date", "a" * 300])
VALUES = st.sampled_from(["0", "200", "application/grpc", "1.234", "", "v" * 130, "w" * 40_000])
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=8, unique_by=lambda pair: pair[0])


def _whole(block: bytes) -> dict[bytes, bytes]:
    decoder = Decoder(max_header_list_size=1 << 20)
    decoder.max_allowed_table_size = decoder.header_table_size = 0
    return {bytes(name): bytes(value) for name, value in decoder.decode(block, raw=True)}


@given(FIELDS, st.booleans())
def test_an_encoder_without_a_table_is_understood(fields: list[tuple[str, str]], huffman: bool) -> None:
    encoder = Encoder()
    encoder.header_table_size = 0
    block = encoder.encode(fields, huffman=huffman)
    plain = read_plain(block)
    assert plain == _whole(block) if not huffman else plain in (None, _whole(block))


@given(FIELDS)
def test_what_is_written_plainly_is_read(fields: list[tuple[str, str]]) -> None:
    expected = {name.encode(): value.encode() for name, value in fields}
    assert read_plain(plain_headers(fields)) == expected == _whole(plain_headers(fields))


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_left_to_the_whole_decoder(block: bytes) -> None:
    assert read_plain(block) is None or isinstance(read_plain(block), dict)


def test_an_entry_of_a_table_that_is_not_there_is_left_to_the_whole_decoder() -> None:
    assert read_plain(b"\xbe") is None
    assert read_plain(b"\xc5\x01") is None
