"""What the headers of a call say."""

import pytest
from hpack.hpack import Decoder

from headrace.protocols.grpc.method import Unary
from headrace.protocols.grpc.request import Asked, read_call
from headrace.protocols.http2.header_blocks import Headers

METHOD = Unary(lambda sent, call: None)
GOOD: Headers = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/a.B/C"),
    (b"content-type", b"application/grpc+proto"),
    (b"te", b"trailers"),
]


def read(*more: tuple[bytes, bytes], **changed: bytes) -> Asked:
    headers = [(name, changed.get(name.decode().strip(":").replace("-", "_"), value)) for name, value in GOOD]
    return read_call([*headers, *more], {"/a.B/C": METHOD}, 1000)


def answer(asked: Asked) -> dict[str, str]:
    assert asked.method is None
    assert asked.refusal is not None
    return {str(name): str(value) for name, value in Decoder().decode(asked.refusal)}


def test_a_call_is_read_with_what_was_sent_along() -> None:
    more = ((b"grpc-timeout", b"2S"), (b"grpc-encoding", b"gzip"), (b"x", b"1"), (b"y-bin", b"AAE"))
    asked = read(*more, (b"user-agent", b"test"))
    assert asked == Asked(METHOD, 2.0, "gzip", (("x", "1"), ("y-bin", b"\0\1"), ("user-agent", "test")))


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ((b"grpc-timeout", b"soon"), "3", "grpc-timeout has up to eight digits"),
        ((b"grpc-encoding", b"snappy"), "12", "'snappy' is not understood"),
        ((b"x-bin", b"???"), "3", "x-bin is not base64"),
        ((b"x", b"y" * 1000), "8", "server.max_header_bytes"),
    ],
)
def test_what_cannot_be_served_is_refused_in_words(more: tuple[bytes, bytes], code: str, words: str) -> None:
    told = answer(read(more))
    assert (told[":status"], told["grpc-status"]) == ("200", code)
    assert words in told["grpc-message"]


def test_the_length_of_the_content_is_no_metadata() -> None:
    asked = read((b"content-length", b"7"))
    assert (asked.declared_bytes, asked.metadata) == (7, ())


def test_a_method_that_is_not_there_is_unimplemented() -> None:
    told = answer(read(path=b"/a.B/D"))
    assert (told["grpc-status"], told["grpc-message"]) == ("12", "there is no method /a.B/D")


def test_an_encoding_that_is_not_understood_is_answered_with_those_that_are() -> None:
    assert answer(read((b"grpc-encoding", b"br")))["grpc-accept-encoding"] == "identity,deflate,gzip"


def test_what_is_no_call_is_answered_in_http() -> None:
    assert answer(read(method=b"GET")) == {":status": "405", "allow": "POST"}
    assert answer(read(content_type=b"application/json")) == {":status": "415"}
    assert answer(read(content_type=b"application/grpc-web")) == {":status": "415"}
