"""Pieces of answers."""

import math

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headrace.generation import TokenLogprob, Usage
from headrace.protocols.openai.pieces import Around, finite, new_id, prompt_logprobs_json, token_text, usage_json
from headrace.protocols.sse import event


def test_an_id_is_new_or_the_requests_own() -> None:
    assert new_id("cmpl") != new_id("cmpl")
    assert new_id("cmpl", "x") == "cmpl-x"


def test_usages_are_added_up() -> None:
    usage = usage_json([Usage(3, 4, 2), Usage(1, 1)])
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (4, 5, 9)
    assert usage["prompt_tokens_details"] == {"cached_tokens": 2}


def test_a_token_is_its_text_or_its_id() -> None:
    token = TokenLogprob(7, "a", b"a", -1.0)
    assert (token_text(token, False), token_text(token, True)) == ("a", "token_id:7")


def test_what_is_impossible_is_written_as_openai_writes_it() -> None:
    assert (finite(-math.inf), finite(-1.5), finite(None)) == (-9999.0, -1.5, None)


def test_the_first_token_of_a_prompt_has_no_probability() -> None:
    other = TokenLogprob(3, "c", b"c", -1.0)
    tokens = [TokenLogprob(1, "a", b"a", None), TokenLogprob(2, "b", b"b", -2.0, (other,), 7)]
    told = {
        "2": {"logprob": -2.0, "rank": 7, "decoded_token": "b"},
        "3": {"logprob": -1.0, "rank": 1, "decoded_token": "c"},
    }
    assert prompt_logprobs_json(tokens) == [None, told]


def test_a_token_of_a_prompt_that_is_among_the_likeliest_is_told_once() -> None:
    likeliest = (TokenLogprob(3, "c", b"c", -1.0), TokenLogprob(2, "b", b"b", -2.0))
    (told,) = prompt_logprobs_json([TokenLogprob(2, "b", b"b", -2.0, likeliest, 2)])
    assert told is not None
    assert {token_id: entry["rank"] for token_id, entry in told.items()} == {"2": 2, "3": 1}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_prepared_chunk_is_what_encoding_it_whole_gives(text: str) -> None:
    around = Around(lambda content: {"choices": [{"delta": {"content": content}, "x": None}]})
    assert around.event(text) == event({"choices": [{"delta": {"content": text}, "x": None}]})
    assert msgspec.json.decode(around.event(text)[6:])
