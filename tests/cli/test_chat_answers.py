"""What a chat makes of a server's stream."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.cli.chat_answers import Answer, Asking, ask, check_model, parse_events
from headrace.cli.connection import Server
from headrace.cli.failure import Failure
from tests.cli.chat_chunks import PARIS, chat_server, chunk, stream, usage
from tests.cli.conftest import Serve

USER = [{"role": "user", "content": "Which city?"}]


def _answer(*chunks: dict[str, Any], times_s: Iterator[float] | None = None) -> Answer:
    ticks = times_s or iter(range(1000))
    return Answer((each for each in chunks), lambda: float(next(ticks)))


def test_pieces_come_one_by_one_and_make_the_text() -> None:
    answer = _answer(*PARIS)
    assert list(answer) == ["Pa", "ris."]
    assert (answer.text, answer.finish, answer.prompt_tokens, answer.completion_tokens) == ("Paris.", "stop", 7, 3)


def test_the_speed_is_that_of_the_tokens_after_the_first() -> None:
    answer = _answer(*PARIS, times_s=iter([10.0, 10.5, 10.75]))
    list(answer)
    assert (answer.first_s, answer.last_s, answer.tokens_per_s) == (0.5, 0.75, 8.0)


@pytest.mark.parametrize("chunks", [(), (chunk("a"),), (chunk("a"), usage(1))])
def test_too_little_for_a_speed_has_none(chunks: tuple[dict[str, Any], ...]) -> None:
    answer = _answer(*chunks)
    list(answer)
    assert answer.tokens_per_s is None


def test_an_error_in_the_stream_is_told_and_what_came_is_kept() -> None:
    answer = _answer(chunk("Pa"), {"error": {"message": "the engine has died"}})
    with pytest.raises(Failure, match="the answer broke off: the engine has died"):
        list(answer)
    assert answer.text == "Pa"


@pytest.mark.parametrize("wrong", [{}, {"choices": [{}]}, {"choices": 3}, {"choices": [], "usage": {"x": 1}}])
def test_chunks_of_another_api_are_a_failure(wrong: dict[str, Any]) -> None:
    with pytest.raises(Failure, match="is not one of the OpenAI API"):
        list(_answer(wrong))


def test_only_what_is_chosen_is_asked_for() -> None:
    plain, chosen = json.loads(Asking("m").body(USER)), json.loads(Asking("m", 0.0, 5).body(USER))
    assert plain.keys() == {"model", "messages", "stream", "stream_options"}
    assert (chosen["temperature"], chosen["max_completion_tokens"]) == (0.0, 5)


def test_a_conversation_is_asked_over_http(serve: Serve) -> None:
    asked: list[Any] = []
    server = Server(serve(chat_server(*PARIS, asked=asked)), 5)
    assert "".join(ask(server, Asking("m"), USER)) == "Paris."
    assert (asked[0]["model"], asked[0]["messages"]) == ("m", USER)


def test_a_refusal_is_told_in_the_servers_words(serve: Serve) -> None:
    body = json.dumps({"error": {"message": "temperature: must be from 0 to 2, not 3"}}).encode()
    server = Server(serve(lambda path, headers, sent: (400, {}, body)), 5)
    with pytest.raises(Failure, match="the server answered 400: temperature: must be from 0 to 2, not 3"):
        list(ask(server, Asking("m"), USER))


def test_a_model_that_is_there_is_taken(serve: Serve) -> None:
    check_model(Server(serve(chat_server()), 5), "m")


def test_where_a_model_is_missing_those_that_are_there_are_named(serve: Serve) -> None:
    server = Server(serve(chat_server(models=["a", "b"])), 5)
    with pytest.raises(Failure, match="model 'c' is not in the repository; the server's language models are: a, b"):
        check_model(server, "c")


def test_where_there_is_no_language_model_that_is_said(serve: Serve) -> None:
    with pytest.raises(Failure, match="the server has no language model ready"):
        check_model(Server(serve(chat_server(models=[])), 5), "c")


def test_a_server_of_another_kind_is_told_apart(serve: Serve) -> None:
    server = Server(serve(lambda path, headers, body: (404, {}, b"<html>")), 5)
    with pytest.raises(Failure, match="does not speak the OpenAI API"):
        check_model(server, "m")


def test_comments_and_other_fields_of_a_stream_are_skipped() -> None:
    assert list(parse_events([b": ping\n", b"event: x\n", b'data:{"a": 1}\n', b"\n", b"data: [DONE]\n"])) == [{"a": 1}]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([b'data: {"a": 1}\n'], "the answer broke off: the server closed the connection"),
        ([b"data: {\n"], "is not JSON"),
        ([b"data: 3\n"], "is not one of the OpenAI API"),
    ],
)
def test_a_stream_that_is_none_is_a_failure(lines: list[bytes], message: str) -> None:
    with pytest.raises(Failure, match=message):
        list(parse_events(lines))


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers(), min_size=1)))
def test_every_object_comes_out_as_it_went_in(objects: list[dict[str, Any]]) -> None:
    assert list(parse_events(stream(*objects).splitlines(keepends=True))) == objects


@given(st.lists(st.binary()))
def test_no_bytes_break_the_reading_of_events(lines: list[bytes]) -> None:
    try:
        list(parse_events(lines))
    except Failure:
        pass


def test_thoughts_are_no_text_and_count_for_the_speed() -> None:
    thoughts = [{"choices": [{"delta": {name: "Hm. "}}]} for name in ("reasoning_content", "reasoning")]
    answer = _answer(*thoughts, *PARIS, times_s=iter([10.0, 10.5, 10.6, 10.7, 10.75]))
    assert [(piece.text, piece.thought) for piece in answer.pieces()] == [
        ("Hm. ", True),
        ("Hm. ", True),
        ("Pa", False),
        ("ris.", False),
    ]
    assert (answer.thoughts, answer.text, answer.first_s, answer.last_s) == ("Hm. Hm. ", "Paris.", 0.5, 0.75)
