"""What may be said of a language model, and what is refused by name."""

import pytest

from headrace.errors import ModelInvalid
from headrace.repository.language_model import check_language, check_tensors
from headrace.repository.overrides import Layer, Overrides, combine
from headrace.types import Batching, Cache, DriftChoices, LanguageChoices, Objective, TensorSpec, WarmUp


def check(said: Overrides, source: str = "model.toml") -> None:
    check_language(*combine([Layer(source, said)]))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Overrides(isolation="none"), "model.toml: isolation: a language model has a process of its own"),
        (Overrides(instances=2), "model.toml: instances: a language model runs once"),
        (Overrides(batching=Batching(max_size=2)), "model.toml: batching.max_size: .* llm.max_sequences says how many"),
        (Overrides(batching=Batching(enabled=True)), "model.toml: batching: sequences of a language model join"),
        (Overrides(batching=Batching(policy="fixed")), "model.toml: batching.policy: a language model closes no"),
        (Overrides(batching=Batching(lanes=2)), "model.toml: batching.lanes: a language model runs step after step"),
        (Overrides(inputs=(TensorSpec("x", "FP32", ()),)), "model.toml: inputs.x: a language model has text_input"),
        (Overrides(batching=Batching(lane="shared")), "model.toml: batching.lane: a language model runs step after"),
        (Overrides(cache=Cache()), "model.toml: cache: answers of a language model are not kept"),
        (Overrides(warm_up=(WarmUp(),)), "model.toml: warm_up: a language model warms up by itself"),
    ],
)
def test_what_means_nothing_is_refused(said: Overrides, message: str) -> None:
    with pytest.raises(ModelInvalid, match=message):
        check(said)


def test_what_can_be_honoured_is_taken() -> None:
    draft = LanguageChoices(speculation="draft", draft="draft.gguf")
    check(Overrides(isolation="process", instances=1, threads=2, batching=Batching(max_queue=5), llm=draft))
    check(Overrides(cache=False, labels={"stable": 1}, drift=DriftChoices(reference=2000, enabled=True)))


def test_what_a_triton_configuration_has_unasked_is_passed_over() -> None:
    check(
        Overrides(batching=Batching(enabled=False), inputs=(TensorSpec("text_input", "BYTES", (1,)),)), "config.pbtxt"
    )


def test_a_model_that_runs_in_batches_takes_no_setting_of_language_models() -> None:
    _, provenance = combine([Layer("model.toml", Overrides(llm=LanguageChoices(precision="f32")))])
    with pytest.raises(ModelInvalid, match=r"model.toml: llm.precision: is for language models"):
        check_tensors(provenance)


@pytest.mark.parametrize("objective", [Objective(ttft_ms=1), Objective(tpot_ms=1)])
def test_a_model_that_runs_in_batches_promises_nothing_of_tokens(objective: Objective) -> None:
    _, provenance = combine([Layer("model.toml", Overrides(objective=objective))])
    with pytest.raises(ModelInvalid, match=r"model.toml: objective\.t\w+_ms: is for language models"):
        check_tensors(provenance)


def test_a_language_model_promises_times_of_tokens() -> None:
    check(Overrides(objective=Objective(p99_ms=9000, ttft_ms=500, tpot_ms=50)))


def test_a_cache_that_a_triton_configuration_asks_for_is_refused_too() -> None:
    with pytest.raises(ModelInvalid, match=r"config.pbtxt: cache: .*llm.prefix_cache"):
        check(Overrides(cache=Cache()), "config.pbtxt")
    check(Overrides(cache=False))
