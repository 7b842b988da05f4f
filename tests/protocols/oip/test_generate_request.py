"""Bodies of Triton's generate extension."""

from typing import Any

import msgspec
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Generate
from headrace.protocols.oip.generate_request import generate_ask, read_generate
from tests.fakes_generation import ADVISED, CHAT


def asked(in_pieces: bool = False, **fields: Any) -> Generate:
    body = read_generate.decode(msgspec.json.encode({"text_input": "Hi"} | fields))
    return generate_ask(body, CHAT, in_pieces)[0]


def test_a_text_alone_is_continued_behind_itself_by_sixteen_tokens() -> None:
    ask = asked()
    assert (ask.prompt.text, ask.echo, ask.stream, ask.sampling.max_tokens) == ("Hi", True, False, 16)


def test_what_is_left_out_is_as_the_model_recommends() -> None:
    body = read_generate.decode(b'{"text_input": "Hi", "parameters": {"top_k": 0}}')
    sampling = generate_ask(body, ADVISED, False)[0].sampling
    assert (sampling.temperature, sampling.top_k, sampling.max_tokens) == (0.7, 0, 16)


def test_a_stream_has_only_what_is_new() -> None:
    ask = asked(in_pieces=True)
    assert (ask.echo, ask.stream) == (False, True)


def test_a_stream_may_be_told_to_be_one_answer() -> None:
    assert asked(in_pieces=True, parameters={"stream": False}).echo


@pytest.mark.parametrize(
    "said",
    [
        {"temperature": 0, "max_tokens": 3, "stop": "x"},
        {"parameters": {"temperature": 0, "max_tokens": 3, "stop": ["x"]}},
        {"sampling_parameters": '{"temperature": 0, "max_tokens": 3, "stop": "x"}'},
        {"sampling_parameters": {"temperature": 0}, "parameters": {"max_tokens": 3}, "stop_words": "x"},
    ],
)
def test_parameters_may_stand_in_three_places(said: dict[str, Any]) -> None:
    sampling = asked(**said).sampling
    assert (sampling.temperature, sampling.max_tokens, sampling.stop) == (0, 3, ("x",))


def test_words_of_other_engines_are_understood() -> None:
    sampling = asked(random_seed=7, min_length=2, beam_width=1, bad_words=[]).sampling
    assert (sampling.seed, sampling.min_tokens) == (7, 2)


def test_bad_words_are_one_or_several_or_none() -> None:
    """Clients of TensorRT-LLM send empty ones."""
    assert asked(bad_words="x").sampling.bad_words == ("x",)
    assert asked(parameters={"bad_words": ["x", "y"], "allowed_token_ids": [7]}).sampling.bad_words == ("x", "y")
    assert asked(bad_words="").sampling.bad_words == asked(bad_words=[""]).sampling.bad_words == ()


@pytest.mark.parametrize("words", ["", [], [""], ["", ""]])
def test_stop_words_may_be_empty(words: str | list[str]) -> None:
    """As clients of TensorRT-LLM send them."""
    assert asked(stop_words=words).sampling.stop == ()
    assert asked(stop_words=words, stop="x").sampling.stop == ("x",)


def test_stop_words_are_those_that_are_not_empty() -> None:
    assert asked(stop_words=["", "x"]).sampling.stop == ("x",)


def test_a_text_stops_at_the_end_id_too() -> None:
    assert asked(end_id=2, pad_id=2).sampling.stop_ids == (2,)
    assert asked(end_id=2, stop_token_ids=[3]).sampling.stop_ids == (3, 2)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"stream": True}, "stream"),
        ({"temperature": -1}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"bad_words": ["x", " "]}, "bad_words[1]"),
        ({"allowed_token_ids": []}, "allowed_token_ids"),
        ({"beam_width": 2}, "beam_width"),
        ({"n": 2, "best_of": 1}, "best_of"),
        ({"seed": 1, "random_seed": 1}, "random_seed"),
        ({"stop_words": "x" * 1025}, "stop_words"),
        ({"stop_words": ["x" * 1025]}, "stop_words[0]"),
        ({"parameters": {"min_length": -1}}, "parameters.min_length"),
        ({"sampling_parameters": '{"logit_bias": {"1": 101}}'}, "sampling_parameters.logit_bias.1"),
        ({"end_id": -1}, "end_id"),
        ({"end_id": 300}, "end_id"),
        ({"seed": 1, "parameters": {"seed": 1}}, "parameters.seed"),
        ({"sampling_parameters": "["}, "sampling_parameters"),
        ({"sampling_parameters": '{"seed": "a"}'}, "sampling_parameters.seed"),
        ({"nonsense": 1}, "nonsense"),
        ({"parameters": {"nonsense": 1}}, "parameters.nonsense"),
        ({"text_input": 1}, "text_input"),
    ],
)
def test_what_is_refused_is_refused_by_its_name(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked(**fields)
    assert caught.value.where == where


def test_a_stream_cannot_repeat_its_prompt_or_wait_for_the_best() -> None:
    with pytest.raises(InvalidRequest, match="exclude_input_in_output"):
        asked(in_pieces=True, exclude_input_in_output=False)
    with pytest.raises(InvalidRequest, match="best_of"):
        asked(in_pieces=True, best_of=2)
