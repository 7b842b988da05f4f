"""Tokenizer fields and tokens that end a text, from GGUF metadata."""

from typing import Any

import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.generation import GenerationDefaults
from headrace.weights.checkpoint import Templates
from headrace.weights.gguf_text import Text, gguf_text
from tests.weights.models import TOKENIZER


def _read(vocabulary: int = 40, **changes: Any) -> Text:
    metadata: dict[str, Any] = {**TOKENIZER, "tokenizer.ggml.token_type": np.array([3, 1, 3], np.int32)}
    metadata |= {f"tokenizer.ggml.{key}": value for key, value in changes.items()}
    return gguf_text({key: value for key, value in metadata.items() if value is not None}, vocabulary)


def test_the_fields_are_collected_without_their_prefix() -> None:
    fields = _read().tokenizer.fields
    assert fields["model"] == "gpt2"
    assert fields["tokens"] == ["<s>", "a", "<|im_end|>"]


def test_tokens_that_end_a_turn_are_known_by_name() -> None:
    assert _read().eos_ids == (0, 2)


def test_what_the_file_recommends_is_read() -> None:
    metadata = {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.tokens": ["a"], "general.sampling.top_k": 20}
    assert gguf_text(metadata, 40).defaults == GenerationDefaults(top_k=20)


def test_a_word_that_only_looks_like_an_end_is_none() -> None:
    assert _read(token_type=np.array([3, 1, 1], np.int32)).eos_ids == (0,)


def test_the_file_s_own_end_of_turn_is_read() -> None:
    assert _read(eot_token_id=1).eos_ids == (0, 1, 2)


def test_a_file_without_a_template_has_none() -> None:
    assert gguf_text(
        {key: value for key, value in TOKENIZER.items() if "token_type" not in key}, 40
    ).chat_templates.default
    assert gguf_text({"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.tokens": ["a"]}, 40).chat_templates == Templates()


def test_templates_for_other_than_chats_have_their_names_behind_the_key() -> None:
    metadata = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": ["a"],
        "tokenizer.chat_templates": ["tool_use"],
    }
    found = gguf_text({**metadata, "tokenizer.chat_template": "d", "tokenizer.chat_template.tool_use": "t"}, 40)
    assert found.chat_templates == Templates("d", "t", ("default", "tool_use"))


@pytest.mark.parametrize(
    ("vocabulary", "changes", "match"),
    [
        (40, {"model": None}, "tokenizer.ggml.model: is missing"),
        (40, {"tokens": None}, "tokenizer.ggml.tokens: is missing"),
        (40, {"tokens": np.arange(3)}, "tokenizer.ggml.tokens: must be a list"),
        (2, {}, "tokenizer.ggml.tokens: has 3 tokens, the model 2"),
        (40, {"eos_token_id": 40}, "eos_token_id: must be a whole number from 0 to 39"),
        (40, {"token_type": np.array([1])}, "token_type: must be 3 numbers"),
    ],
)
def test_a_tokenizer_that_does_not_fit_is_refused(vocabulary: int, changes: dict[str, Any], match: str) -> None:
    with pytest.raises(ModelInvalid, match=match):
        _read(vocabulary, **changes)
