"""Streams of chats, and the prompts that are asked."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.arrivals import Arrival
from headrace.bench.address import Address
from headrace.bench.chat import Asked, ChatSink, ChatSource
from headrace.bench.samples import Answer
from tests.fakes import FakeClock


def _event(**delta: str) -> bytes:
    return b"data: " + msgspec.json.encode({"choices": [{"index": 0, "delta": delta}]}) + b"\n\n"


USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 6}}\n\n'
DONE = b"data: [DONE]\n\n"
STREAM = (
    _event(role="assistant", content=""),
    _event(reasoning_content="hm"),
    _event(content="a"),
    b": ping\n\n",
    _event(content="b"),
    USAGE,
    DONE,
)


def _read(pieces: list[bytes], status: int = 200) -> Answer:
    told: list[Answer] = []
    clock = FakeClock()
    sink = ChatSink(told.append, clock.now_ns)
    sink.head(status, b"")
    for piece in pieces:
        clock.pass_ms(10)
        sink.piece(piece)
    sink.end()
    (answer,) = told
    return answer


def test_times_are_those_at_which_text_came() -> None:
    answer = _read(list(STREAM))
    assert answer.verdict == "answered"
    stream = answer.stream
    assert stream
    assert (stream.tokens, stream.prompt_tokens) == (6, 9)
    assert stream.gaps_ns == (10_000_000, 20_000_000)
    assert stream.first_ns == FakeClock().now_ns() + 20_000_000


@given(st.lists(st.integers(0, sum(map(len, STREAM))), max_size=10))
def test_a_stream_is_the_same_wherever_it_is_cut(cuts: list[int]) -> None:
    whole = b"".join(STREAM)
    edges = [0, *sorted(cuts), len(whole)]
    answer = _read([whole[start:end] for start, end in pairwise(edges)])
    assert answer.stream
    assert (answer.stream.tokens, len(answer.stream.gaps_ns)) == (6, 2)


def test_without_usage_pieces_are_counted() -> None:
    answer = _read([_event(content="a"), _event(content="b"), DONE])
    assert answer.stream
    assert (answer.stream.tokens, answer.stream.prompt_tokens) == (2, 0)


@pytest.mark.parametrize(
    ("pieces", "said", "note"),
    [
        ([_event(content="a")], "broken stream", "it ended before [DONE]"),
        (
            [_event(content="a"), b'data: {"error": {"message": "gone"}}\n\n', DONE],
            "broken stream",
            '{"message":"gone"}',
        ),
        ([b"data: {oh\n\n", DONE], "broken stream", "an event is no chunk of a chat"),
        ([USAGE, DONE], "no tokens", "the stream had no text"),
    ],
)
def test_a_stream_that_is_not_whole_is_an_error(pieces: list[bytes], said: str, note: str) -> None:
    answer = _read(pieces)
    assert (answer.verdict, answer.said) == ("error", said)
    assert note in answer.note


def test_a_refusal_has_its_words() -> None:
    answer = _read([b'{"error": ', b'"full"}'], status=503)
    assert (answer.verdict, answer.said, answer.note) == ("shed", "503", '{"error": "full"}')


def test_no_two_prompts_are_alike_and_each_is_as_long_as_it_was_asked_for() -> None:
    source = ChatSource(Asked("m", 32), Address("host", 80), {"x-a": "1"}, tenant="blue", seed=1)
    source.prepare([])
    one, other = (source.make(Arrival(0.0, length=50)) for _ in range(2))
    head, _, body = one.head.partition(b"\r\n\r\n")
    asked = msgspec.json.decode(body)
    assert len(asked["messages"][0]["content"].split()) == 50
    assert (asked["max_tokens"], asked["ignore_eos"], asked["stream"]) == (32, True, True)
    assert b"\r\nx-tenant: blue\r\nx-a: 1" in head
    assert one.head != other.head
    assert (one.length, one.tenant) == (50, "blue")


def test_other_servers_are_not_asked_for_what_they_may_not_know() -> None:
    source = ChatSource(Asked("m", 32, ignore_eos=False), Address("host", 80), {}, tenant="", seed=1)
    made = source.make(Arrival(0.0, tenant="red"))
    assert b"ignore_eos" not in made.head
    assert b"x-tenant: red" in made.head
