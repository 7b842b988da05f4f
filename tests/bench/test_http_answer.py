"""Answers of HTTP, cut out of a stream that is split anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.bench.http_answer import AnswerReader, NotHttp, header

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Batch-Size: 3\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n1A\r\n"
    + b"z" * 26
    + b"\r\n0\r\nt: 1\r\n\r\n"
)
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\n\r\n"
NONE = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"
ANSWERS = {PLAIN: (200, b"hello"), CHUNKED: (200, b"abc" + b"z" * 26), EMPTY: (204, b""), NONE: (503, b"")}


class Kept:
    def __init__(self) -> None:
        self.status = 0
        self.body = b""
        self.ended = False
        self.headers = b""

    def head(self, status: int, head: bytes) -> None:
        self.status, self.headers = status, head

    def piece(self, body: bytes) -> None:
        self.body += body

    def end(self) -> None:
        assert not self.ended
        self.ended = True


@given(st.lists(st.sampled_from(list(ANSWERS)), min_size=1, max_size=4), st.booleans(), st.data())
def test_answers_are_the_same_wherever_the_stream_is_cut(
    answers: list[bytes], interim: bool, data: st.DataObject
) -> None:
    reader = AnswerReader()
    for answer in answers:
        sink = reader.sink = Kept()
        stream = INTERIM * interim + answer
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            reader.feed(stream[start:end])
        assert sink.ended
        assert reader.sink is None
        assert (sink.status, sink.body) == ANSWERS[answer]
        assert reader.keeps


def test_headers_are_found_whatever_their_case() -> None:
    reader = AnswerReader()
    sink = reader.sink = Kept()
    reader.feed(PLAIN)
    assert header(sink.headers, b"x-batch-size") == b"3"
    assert header(sink.headers, b"x-batch") == b""


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    reader = AnswerReader()
    sink = reader.sink = Kept()
    reader.feed(b"HTTP/1.1 200 OK\r\n\r\nall of ")
    reader.feed(b"it")
    assert not sink.ended
    reader.closed()
    assert (sink.ended, sink.body, reader.keeps) == (True, b"all of it", False)


@pytest.mark.parametrize("first", [b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n"])
def test_a_connection_that_will_not_go_on_is_known(first: bytes) -> None:
    reader = AnswerReader()
    reader.sink = Kept()
    reader.feed(first + b"Content-Length: 0\r\n\r\n")
    assert not reader.keeps


def test_an_answer_that_breaks_off_is_none() -> None:
    reader = AnswerReader()
    sink = reader.sink = Kept()
    reader.feed(PLAIN[:-1])
    with pytest.raises(NotHttp, match="the server closed the connection"):
        reader.closed()
    assert not sink.ended


def test_an_answer_that_is_longer_than_can_be_is_not_taken_for_one_that_ends_with_the_connection() -> None:
    reader = AnswerReader()
    sink = reader.sink = Kept()
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999999\r\n\r\nabc")
    with pytest.raises(NotHttp, match="the server closed the connection"):
        reader.closed()
    assert not sink.ended


def test_a_connection_that_closes_between_answers_is_no_fault() -> None:
    AnswerReader().closed()


def test_a_server_of_http_2_is_known_as_one() -> None:
    reader = AnswerReader()
    reader.sink = Kept()
    with pytest.raises(NotHttp, match="it speaks HTTP/2, as --protocol grpc does"):
        reader.feed(b"\0\0\x12\4\0\0\0\0\0")


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 x00 OK\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
        b"HTTP/1.1 200 OK\r\n" + b"a" * 70_000,
    ],
)
def test_what_is_no_http_is_told(data: bytes) -> None:
    reader = AnswerReader()
    reader.sink = Kept()
    with pytest.raises(NotHttp):
        reader.feed(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    reader = AnswerReader()
    reader.sink = Kept()
    try:
        reader.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + data)
    except NotHttp:
        pass
