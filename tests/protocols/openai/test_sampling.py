"""The fields that chat and completions share."""

from typing import Any

import msgspec
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Sampling
from headrace.protocols.openai.sampling import SharedFields, check_shared, sampling, truncation
from tests.fakes_generation import ADVISED, CHAT


def fields(**given: Any) -> SharedFields:
    return msgspec.convert(given, SharedFields)


def test_without_fields_the_defaults_hold() -> None:
    assert sampling(fields(), CHAT, None, None) == Sampling()


def test_a_field_that_is_left_out_is_as_the_model_recommends() -> None:
    assert sampling(fields(), ADVISED, None, None) == ADVISED.defaults.over(Sampling())
    assert sampling(fields(min_tokens=3000), ADVISED, None, None).max_tokens == 3000


def test_a_field_that_is_given_goes_before_what_the_model_recommends() -> None:
    given = fields(temperature=1, top_k=-1, top_p=1, min_p=0, repetition_penalty=1)
    assert sampling(given, ADVISED, 16, None) == Sampling(max_tokens=16)


def test_every_field_reaches_the_engine() -> None:
    given = fields(
        temperature=0,
        top_k=5,
        top_p=0.5,
        min_p=0.1,
        presence_penalty=1,
        frequency_penalty=-1,
        repetition_penalty=1.1,
        logit_bias={"7": -100},
        seed=3,
        min_tokens=2,
        stop=["a"],
        stop_token_ids=[9],
        include_stop_str_in_output=True,
        ignore_eos=True,
        skip_special_tokens=False,
        prompt_logprobs=1,
        allowed_token_ids=[7, 8],
        bad_words=["no"],
    )
    assert sampling(given, CHAT, 8, 2) == Sampling(
        0.0,
        5,
        0.5,
        0.1,
        1.0,
        -1.0,
        1.1,
        {7: -100.0},
        3,
        8,
        2,
        ("a",),
        (9,),
        True,
        True,
        False,
        2,
        1,
        allowed_ids=(7, 8),
        bad_words=("no",),
    )


def test_top_k_of_minus_one_is_all() -> None:
    assert sampling(fields(top_k=-1), CHAT, None, None).top_k == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", -0.1),
        ("temperature", 2.5),
        ("top_p", 1.1),
        ("top_k", -2),
        ("min_p", 1.5),
        ("presence_penalty", 2.1),
        ("frequency_penalty", -2.1),
        ("repetition_penalty", 0),
        ("repetition_penalty", 1e308),
        ("repetition_penalty", 1e-320),
        ("min_tokens", -1),
        ("prompt_logprobs", -1),
        ("seed", 1 << 63),
        ("min_tokens", 9),
    ],
)
def test_a_field_out_of_its_range_is_refused(field: str, value: float) -> None:
    with pytest.raises(InvalidRequest) as caught:
        sampling(fields(**{field: value}), CHAT, 8, None)
    assert caught.value.where == field


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"stream_options": {}}, "stream_options"),
        ({"stream": True, "stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
        ({"spaces_between_special_tokens": False}, "spaces_between_special_tokens"),
        ({"stream": True, "prompt_logprobs": 1}, "prompt_logprobs"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"priority": -1}, "priority"),
        ({"request_id": "a\r\nb"}, "request_id"),
        ({"cache_salt": ""}, "cache_salt"),
        ({"use_beam_search": True}, "use_beam_search"),
    ],
)
def test_options_that_cannot_be_had_are_refused(given: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_shared(fields(**given))
    assert caught.value.where == where


def test_a_prompt_is_cut_to_so_many_tokens_or_to_the_context() -> None:
    assert truncation(fields(), CHAT) is None
    assert truncation(fields(truncate_prompt_tokens=5), CHAT) == 5
    assert truncation(fields(truncate_prompt_tokens=-1), CHAT) == CHAT.max_context - 1
    with pytest.raises(InvalidRequest):
        truncation(fields(truncate_prompt_tokens=0), CHAT)
