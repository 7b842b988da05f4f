"""Fields of vLLM's that are not offered are known by name."""

from typing import Any

import msgspec
import pytest

from headrace.errors import InvalidRequest
from headrace.protocols.openai.not_offered import NotOffered, check_not_offered

USUAL: dict[str, Any] = {
    "use_beam_search": False,
    "length_penalty": 1,
    "early_stopping": False,
    "watermarking": False,
    "logits_processors": [],
    "truncation_side": "left",
    "mm_processor_kwargs": {},
    "media_io_kwargs": {},
    "kv_transfer_params": {},
    "ec_transfer_params": {},
    "vllm_xargs": {},
    "return_prompt_text": False,
    "return_token_offsets": False,
    "stream_interval": 1,
}
ASKING: dict[str, Any] = {
    "use_beam_search": True,
    "length_penalty": 0.5,
    "early_stopping": True,
    "watermarking": True,
    "repetition_detection": {"max_pattern_size": 3},
    "logprob_token_ids": [1],
    "logits_processors": ["a"],
    "truncation_side": "right",
    "structural_tag": "{}",
    "guided_whitespace_pattern": " ",
    "mm_processor_kwargs": {"a": 1},
    "media_io_kwargs": {"image": {}},
    "kv_transfer_params": {"a": 1},
    "ec_transfer_params": {"a": 1},
    "vllm_xargs": {"a": 1},
    "return_prompt_text": True,
    "return_token_offsets": True,
    "stream_interval": 4,
}


def check(**given: Any) -> None:
    check_not_offered(msgspec.convert(given, NotOffered))


def test_what_changes_nothing_is_taken() -> None:
    check(**USUAL)
    check(**dict.fromkeys(NotOffered.__struct_fields__))


@pytest.mark.parametrize("field", NotOffered.__struct_fields__)
def test_what_asks_for_something_is_refused_by_its_name(field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check(**{field: ASKING[field]})
    assert caught.value.where == field
