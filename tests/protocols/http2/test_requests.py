"""What a request's headers may be."""

import pytest

from headrace.protocols.http2.codes import PROTOCOL_ERROR
from headrace.protocols.http2.faults import StreamFault
from headrace.protocols.http2.header_blocks import Headers
from headrace.protocols.http2.requests import split

GOOD: Headers = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a")]


def test_pseudo_headers_are_told_from_others() -> None:
    pseudo, others = split([*GOOD, (b"te", b"trailers"), (b"x", b"1"), (b"x", b"2")])
    assert pseudo == dict(GOOD)
    assert others == [(b"te", b"trailers"), (b"x", b"1"), (b"x", b"2")]


@pytest.mark.parametrize(
    "headers",
    [
        GOOD[1:],
        GOOD[:2],
        [GOOD[0], GOOD[1], (b":path", b"")],
        [*GOOD, (b":path", b"/b")],
        [*GOOD, (b":status", b"200")],
        [*GOOD, (b"x", b"1"), (b":authority", b"a")],
        [*GOOD, (b"X", b"1")],
        [*GOOD, (b"", b"1")],
        [*GOOD, (b"connection", b"close")],
        [*GOOD, (b"te", b"gzip")],
        [*GOOD, (b"x", b"a\r\nb: c")],
        [*GOOD, (b"x y", b"a")],
    ],
)
def test_a_malformed_request_is_a_fault_of_its_stream(headers: Headers) -> None:
    with pytest.raises(StreamFault) as fault:
        split(headers)
    assert fault.value.code == PROTOCOL_ERROR
