"""What a head says, and when the same bytes may be taken to say it again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import HeadersTooLarge, InvalidRequest, Unsupported
from headrace.protocols.limits import Limits
from headrace.protocols.oip.head import Head, head_refusal, read_head, repeated
from headrace.types import ModelRef

MODEL = ModelRef("m")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HOST = (b"host", b"here")
LINES = (HOST, (b"content-length", b"3"))
RAW = b"POST /v2/models/m/infer HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\n"
HEAD = Head(MODEL)


def test_headers_that_matter_are_read() -> None:
    headers = [
        (b"inference-header-content-length", b"12"),
        (b"traceparent", TRACE.encode()),
        (b"x-request-id", b"r1"),
        (b"accept-encoding", b"gzip"),
        (b"content-encoding", b"deflate"),
        (b"expect", b"100-Continue"),
        (b"x-tenant", b"alice"),
    ]
    assert read_head(MODEL, headers, False) == Head(
        MODEL, False, 12, TRACE, "r1", "gzip", "deflate", True, None, Limits(tenant="alice"), headers
    )


@pytest.mark.parametrize("value", [b"-1", b"x", b"", b"1.5", b"9" * 30])
def test_a_json_length_that_is_no_number_is_the_heads_error(value: bytes) -> None:
    error = read_head(MODEL, [(b"inference-header-content-length", value)], True).error
    assert "is not a number of bytes" in str(error)


@pytest.mark.parametrize("name", [b"host", b"content-encoding", b"inference-header-content-length"])
def test_what_would_be_read_in_two_ways_may_be_sent_once(name: bytes) -> None:
    sent = [(name, b"1"), (b"accept", b"a"), (b"accept", b"b")]
    assert read_head(MODEL, sent, True).error is None
    assert str(read_head(MODEL, [*sent, (name, b"2")], True).error) == f"{name.decode()}: is sent twice; send it once"


def test_a_limit_that_is_wrong_is_the_heads_error() -> None:
    assert str(read_head(MODEL, [(b"x-slo-ms", b"0")], True).error).startswith("x-slo-ms: '0' is not a number")


def test_a_request_id_is_taken_whatever_characters_it_has() -> None:
    assert read_head(MODEL, [(b"x-request-id", "ä b".encode())], True).request_id == "ä b"


def test_a_plain_head_may_come_again_whatever_follows_it() -> None:
    known = repeated(RAW + b"abcPOST", HEAD, LINES, most=10)
    assert known is not None
    assert (known.raw, known.head, known.body_bytes) == (RAW, HEAD, 3)


@pytest.mark.parametrize(
    ("chunk", "head", "headers"),
    [
        (b"\r\n" + RAW, HEAD, LINES),  # begins with an empty line
        (RAW[:-2], HEAD, LINES),  # its end is not in this chunk
        (RAW, HEAD, LINES[:1]),  # no length, or a header that another way of reading would miss
        (RAW.replace(b"here\r\n", b"here\n"), HEAD, LINES),  # lines that end otherwise
        (RAW.replace(b"Length: 3", b"Length: 99"), HEAD, ((b"host", b"here"), (b"content-length", b"99"))),
        (RAW, Head(MODEL, keep_alive=False), LINES),
        (RAW.replace(b"Host", b"Expect"), HEAD, ((b"expect", b"here"), LINES[1])),
        (RAW.replace(b"Host", b"Transfer-Encoding"), HEAD, ((b"transfer-encoding", b"here"), LINES[1])),
        (b"", HEAD, LINES),
    ],
)
def test_a_head_that_is_not_plain_is_read_anew_each_time(
    chunk: bytes, head: Head, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    assert repeated(chunk, head, headers, most=10) is None


@given(st.binary())
def test_whatever_arrives_a_repeated_head_ends_where_its_empty_line_does(chunk: bytes) -> None:
    known = repeated(chunk, HEAD, LINES, most=10)
    assert known is None or (known.raw.endswith(b"\r\n\r\n") and known.raw.count(b"\r\n\r\n") == 1)


def test_a_trace_that_is_none_is_ignored() -> None:
    assert read_head(MODEL, [(b"traceparent", b"00-a")], True).trace == ""


@pytest.mark.parametrize(
    "values",
    [[b"gzip, chunked"], [b"gzip", b"chunked"], [b"identity, chunked"], [b", chunked"], [b"x, chunked"], [b"gzip"]],
)
def test_a_coding_of_the_transfer_other_than_chunks_is_not_offered(values: list[bytes]) -> None:
    headers = [(b"host", b"here"), *((b"transfer-encoding", value) for value in values)]
    refusal = head_refusal(b"/", headers, "1.1", 100, 1000)
    assert isinstance(refusal, Unsupported)
    assert b", ".join(values).decode() in refusal.message
    assert refusal.where == "Transfer-Encoding"


@pytest.mark.parametrize("headers", [(), LINES, [(b"transfer-encoding", b"Chunked")]])
def test_a_plain_head_is_not_refused(headers: list[tuple[bytes, bytes]]) -> None:
    assert head_refusal(b"/", [HOST, *headers], "1.1", 5000, 1000) is None


def test_a_head_over_the_limit_is_refused() -> None:
    assert isinstance(head_refusal(b"/", [HOST, (b"a", bytes(1000))], "1.1", 1100, 1000), HeadersTooLarge)


def test_a_head_of_http_1_1_without_a_host_is_refused() -> None:
    refusal = head_refusal(b"/", [(b"x", b"1")], "1.1", 100, 1000)
    assert str(refusal) == "host: is missing; a request of HTTP/1.1 has one (RFC 9112, 3.2)"


@pytest.mark.parametrize("version", ["0.9", "2.0"])
def test_a_head_in_lines_of_another_version_is_refused(version: str) -> None:
    assert str(head_refusal(b"/", [HOST], version, 100, 1000)) == "not HTTP/1.1: Invalid HTTP version"


@pytest.mark.parametrize("said", [b"a b<>", b"a/b", b"a@b", b"a:b", b"a:1:2", b"[::1", b"\xe4", b"a\tb"])
def test_what_is_no_host_is_refused(said: bytes) -> None:
    refusal = head_refusal(b"/", [(b"host", said)], "1.1", 100, 1000)
    assert isinstance(refusal, InvalidRequest)
    assert str(refusal) == f"host: {said.decode('latin-1')!r} is no host, or host:port, as a URL has it (RFC 9112, 3.2)"


@pytest.mark.parametrize(
    "said", [b"a_b.svc:8000", b"10.0.0.1:80", b"[::1]:8000", b"[fe80::1%25eth0]", b"a.example.:", b"x"]
)
def test_a_name_or_an_address_with_or_without_a_port_is_one(said: bytes) -> None:
    assert head_refusal(b"/", [(b"host", said)], "1.1", 100, 1000) is None


def test_a_host_may_be_empty_and_one_of_http_1_0_has_none() -> None:
    assert head_refusal(b"/", [(b"host", b"")], "1.1", 100, 1000) is None
    assert head_refusal(b"/", [], "1.0", 100, 1000) is None
