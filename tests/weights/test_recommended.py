"""What a model's own files recommend on how tokens are chosen."""

from typing import Any

import pytest

from headrace.errors import ModelInvalid
from headrace.generation import GenerationDefaults
from headrace.weights.fields import Fields
from headrace.weights.recommended import GGUF, HF, recommended


def _of(values: dict[str, Any]) -> GenerationDefaults:
    return recommended(Fields(values, "generation_config.json"), HF)


def test_a_folder_recommends_what_its_generation_config_says() -> None:
    qwen = {"do_sample": True, "repetition_penalty": 1.05, "temperature": 0.7, "top_p": 0.8, "top_k": 20}
    assert _of(qwen) == GenerationDefaults(0.7, 20, 0.8, None, 1.05)
    assert _of({"min_p": 0, "max_new_tokens": 2048}) == GenerationDefaults(min_p=0.0, max_tokens=2048)


def test_a_folder_that_would_not_draw_is_drawn_from() -> None:
    assert _of({"do_sample": False}) == GenerationDefaults()


def test_what_is_null_is_not_recommended() -> None:
    assert _of({"temperature": None, "top_k": None}) == GenerationDefaults()


@pytest.mark.parametrize("everything", [0, -1])
def test_both_words_for_all_tokens_are_known(everything: int) -> None:
    assert _of({"top_k": everything}).top_k == 0


def test_a_gguf_recommends_under_llama_cpps_names() -> None:
    said = {"temp": 0.699999988079071, "top_k": 20, "top_p": 0.800000011920929, "min_p": 0.0, "penalty_repeat": 1.5}
    found = recommended(Fields({f"general.sampling.{key}": value for key, value in said.items()}), GGUF)
    assert found == GenerationDefaults(0.7, 20, 0.8, 0.0, 1.5)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("temperature", -1),
        ("temperature", "0.7"),
        ("top_k", -2),
        ("top_k", 0.5),
        ("top_p", 1.5),
        ("min_p", -0.1),
        ("repetition_penalty", 0),
        ("max_new_tokens", 0),
    ],
)
def test_what_nothing_can_be_chosen_by_is_refused_by_its_name(key: str, value: object) -> None:
    with pytest.raises(ModelInvalid, match=rf"generation_config\.json: {key}: must be a"):
        _of({key: value})
