"""Options of a request: honoured, or refused by their names."""

from typing import Any

import ollama
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Sampling
from headrace.protocols.ollama.options import Options, context, sampling
from tests.fakes_generation import ADVISED, CHAT


def chosen(**options: Any) -> Sampling:
    return sampling(Options(**options), CHAT, None)


def test_every_option_of_the_sdks_is_known() -> None:
    assert set(ollama.Options.model_fields) <= set(Options.__struct_fields__)


def test_defaults_are_ollamas() -> None:
    assert chosen() == Sampling(temperature=0.8, top_k=40, top_p=0.9, penalty_window=64)


def test_what_the_model_recommends_goes_before_ollamas_defaults_and_behind_what_is_said() -> None:
    recommended = sampling(Options(), ADVISED, None)
    assert recommended == Sampling(0.7, 20, 0.8, 0.05, repetition_penalty=1.05, max_tokens=2048, penalty_window=64)
    said = Options(temperature=0.8, top_k=40, top_p=0.9, min_p=0, repeat_penalty=1, num_predict=-1)
    assert sampling(said, ADVISED, None) == chosen()


def test_what_is_said_is_honoured() -> None:
    assert chosen(
        temperature=0, top_k=0, top_p=0, min_p=0.1, presence_penalty=1, frequency_penalty=-1, repeat_penalty=1.1
    ) == Sampling(
        temperature=0,
        top_k=0,
        top_p=0,
        min_p=0.1,
        presence_penalty=1,
        frequency_penalty=-1,
        repetition_penalty=1.1,
        penalty_window=64,
    )
    assert chosen(stop=["x"], seed=7, num_predict=5).stop == ("x",)


@pytest.mark.parametrize("unlimited", [-1, -2])
def test_an_answer_may_be_as_long_as_the_context_holds(unlimited: int) -> None:
    assert chosen(num_predict=unlimited).max_tokens is None


def test_a_seed_of_minus_one_is_none() -> None:
    assert chosen(seed=-1).seed is None


@pytest.mark.parametrize(("said", "window"), [(None, 64), (-1, None), (0, 0), (5, 5)])
def test_penalties_look_back_as_far_as_they_are_told(said: int | None, window: int | None) -> None:
    assert chosen(repeat_penalty=1.3, repeat_last_n=said).penalty_window == window


def test_a_context_may_be_less_than_the_models_and_is_never_more() -> None:
    assert [context(Options(num_ctx=size), CHAT) for size in (None, 100, 2048, 32_768)] == [None, 100, None, None]
    with pytest.raises(InvalidRequest):
        context(Options(num_ctx=0), CHAT)


def test_ollamas_own_values_are_taken() -> None:
    chosen(num_keep=4, seed=-1, num_predict=-1, top_k=40, top_p=0.9, tfs_z=1.0, typical_p=1.0, repeat_last_n=64)
    chosen(temperature=0.8, repeat_penalty=1.1, presence_penalty=0, frequency_penalty=0, penalize_newline=True)
    chosen(mirostat=0, mirostat_tau=5.0, mirostat_eta=0.1, min_p=0.0, num_ctx=4096, num_batch=512, num_gpu=-1)
    chosen(main_gpu=0, num_thread=0, use_mmap=True, use_mlock=False, low_vram=False, f16_kv=True, numa=False)


def test_what_changes_nothing_is_taken() -> None:
    chosen(num_ctx=2048, num_keep=4, num_gpu=0, mirostat=0, typical_p=1.0, tfs_z=1.0, penalize_newline=True)


@pytest.mark.parametrize(
    ("name", "said"),
    [("num_predict", "must be -1 or -2, or 1 or more"), ("repeat_last_n", "must be -1, or from 0 to 2,147,483,648")],
)
def test_what_stands_for_all_that_the_context_holds_is_told_too(name: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=f"{said}$"):
        chosen(**{name: -3})


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
        ("repeat_last_n", -2),
        ("num_batch", 256),
        ("main_gpu", 1),
        ("f16_kv", False),
        ("num_gpu", 1),
        ("num_thread", 8),
        ("mirostat", 1),
        ("typical_p", 0.5),
        ("tfs_z", 0.5),
        ("penalize_newline", False),
        ("use_mmap", False),
        ("seed", 1 << 63),
        ("stop", ""),
    ],
)
def test_what_is_refused_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        chosen(**{name: value})
    assert caught.value.where == f"options.{name}"
