"""Messages are the same wherever they are cut, and none is larger than it may be."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.protocols.grpc.messages import DECOMPRESSED_BYTES, PREFIX, MessageReader, Packed, Refused, check_encoding
from headrace.protocols.grpc.status import INTERNAL, RESOURCE_EXHAUSTED, UNIMPLEMENTED


def framed(message: bytes, compressed: int = 0) -> bytes:
    return PREFIX.pack(compressed, len(message)) + message


def feed(data: bytes, cuts: list[int], encoding: str = "identity", max_bytes: int = -1) -> list[bytes]:
    reader, found, sizes = MessageReader(encoding, max_bytes), [], iter(cuts)
    while data:
        size = next(sizes, len(data))
        messages = reader.feed(memoryview(data[:size]))
        found += [bytes(each.unpacked() if isinstance(each, Packed) else each) for each in messages]
        data = data[size:]
    assert not reader.under_way
    return found


@given(st.lists(st.one_of(st.binary(max_size=20), st.integers(0, 200_000).map(bytes))), st.lists(st.integers(1, 9000)))
def test_messages_are_the_same_wherever_they_are_cut(sent: list[bytes], cuts: list[int]) -> None:
    assert feed(b"".join(map(framed, sent)), cuts) == sent


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_messages_come_as_they_were(encoding: str, pack: object) -> None:
    assert callable(pack)
    data = framed(pack(b"abc" * 1000), 1) + framed(b"plain")
    assert feed(data, [7, 7, 7], encoding) == [b"abc" * 1000, b"plain"]


def test_the_rest_of_a_message_may_be_filled_in_place() -> None:
    reader = MessageReader("identity", -1)
    sent = bytes(range(256)) * 1000
    assert reader.feed(memoryview(framed(sent)[:1000])) == []
    assert reader.missing == len(sent) - 995
    rest = reader.rest()
    assert rest is not None
    rest[:] = sent[995:]
    assert reader.filled(100) is None
    assert reader.filled(len(rest) - 100) == sent


@pytest.mark.parametrize(
    ("data", "encoding", "code"),
    [
        (framed(b"x", 1), "identity", INTERNAL),
        (framed(b"x", 2), "gzip", INTERNAL),
        (framed(b"not gzip", 1), "gzip", INTERNAL),
        (framed(gzip.compress(b"x" * 100)[:20], 1), "gzip", INTERNAL),
        (framed(bytes(1001)), "identity", RESOURCE_EXHAUSTED),
        (framed(gzip.compress(bytes(1001)), 1), "gzip", RESOURCE_EXHAUSTED),
    ],
)
def test_what_may_not_be_sent_is_refused(data: bytes, encoding: str, code: int) -> None:
    with pytest.raises(Refused) as refused:
        feed(data, [], encoding, 1000)
    assert refused.value.code == code


def test_a_large_message_is_refused_by_its_prefix() -> None:
    with pytest.raises(Refused, match=r"the most is 2147483647"):
        MessageReader("identity", -1).feed(memoryview(PREFIX.pack(0, 2**31)))


def test_a_bomb_is_bounded_where_no_limit_is_set() -> None:
    bomb = zlib.compress(bytes(DECOMPRESSED_BYTES + 1))
    with pytest.raises(Refused) as refused:
        feed(framed(bomb, 1), [], "deflate")
    assert refused.value.code == RESOURCE_EXHAUSTED


def test_an_encoding_that_is_not_understood_is_refused_with_those_that_are() -> None:
    with pytest.raises(Refused, match="send identity, deflate, gzip") as refused:
        check_encoding("snappy")
    assert refused.value.code == UNIMPLEMENTED
