"""Options of a request: honoured, or refused by their names."""

from typing import Any

import ollama
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Sampling
from headrace.protocols.ollama.options import Options, sampling
from tests.fakes_generation import CHAT


def chosen(**options: Any) -> Sampling:
    return sampling(Options(**options), CHAT, None)


def test_every_option_of_the_sdks_is_known() -> None:
    assert set(ollama.Options.model_fields) <= set(Options.__struct_fields__)


def test_defaults_are_ollamas() -> None:
    assert chosen() == Sampling(temperature=0.8, top_k=40, top_p=0.9)


def test_what_is_said_is_honoured() -> None:
    assert chosen(
        temperature=0, top_k=0, top_p=0, min_p=0.1, presence_penalty=1, frequency_penalty=-1, repeat_penalty=1.1
    ) == Sampling(
        temperature=0, top_k=0, top_p=0, min_p=0.1, presence_penalty=1, frequency_penalty=-1, repetition_penalty=1.1
    )
    assert chosen(stop=["x"], seed=7, num_predict=5).stop == ("x",)


@pytest.mark.parametrize("unlimited", [-1, -2])
def test_an_answer_may_be_as_long_as_the_context_holds(unlimited: int) -> None:
    assert chosen(num_predict=unlimited).max_tokens is None


def test_a_seed_of_minus_one_is_none() -> None:
    assert chosen(seed=-1).seed is None


def test_a_penalty_that_looks_at_nothing_is_none() -> None:
    assert chosen(repeat_penalty=1.3, repeat_last_n=0).repetition_penalty == 1


def test_what_changes_nothing_is_taken() -> None:
    chosen(num_ctx=2048, num_keep=4, num_gpu=0, mirostat=0, typical_p=1.0, tfs_z=1.0, penalize_newline=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_predict", 0),
        ("temperature", -1),
        ("top_k", -1),
        ("top_p", 1.5),
        ("repeat_penalty", 0),
        ("repeat_penalty", 1e308),
        ("repeat_penalty", float("nan")),
        ("repeat_last_n", 64),
        ("num_ctx", 4096),
        ("num_gpu", 1),
        ("num_thread", 8),
        ("mirostat", 1),
        ("mirostat_tau", 5),
        ("typical_p", 0.5),
        ("tfs_z", 0.5),
        ("penalize_newline", False),
        ("use_mmap", True),
        ("seed", 1 << 63),
        ("stop", ""),
    ],
)
def test_what_is_refused_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        chosen(**{name: value})
    assert caught.value.where == f"options.{name}"
