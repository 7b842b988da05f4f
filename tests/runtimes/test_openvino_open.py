"""A model's file or folder becomes a decoder that runs, whatever its format."""

import threading
from math import prod
from pathlib import Path

import msgspec
import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.runtimes.openvino_lone import ENOUGH, TRIALS
from headrace.runtimes.openvino_open import Choices, load_language, planned
from headrace.runtimes.openvino_plan import Asked
from headrace.runtimes.second_room import second_bytes
from headrace.weights.checkpoint import Rope
from tests.graphs.tiny import CONTEXT, golden, golden_checkpoint, tokens
from tests.runtimes.paging import step

TEXT = [int(token) for token in tokens(64)]
EXACT = Choices(threads=2, precision="f32", kv_precision="f32")
NOWHERE = Path("/nowhere")


def test_a_checkpoint_becomes_a_decoder_with_its_facts() -> None:
    found = load_language(NOWHERE, EXACT, golden_checkpoint("qwen3"))
    found.model.allocate(4)
    logits = step(found.model, (TEXT, 0, [1, 2]), rows=range(64))
    assert np.abs(logits - golden("qwen3").logits).max() < 1e-3
    assert found.model.max_context == CONTEXT
    assert found.parameters == sum(np.prod(each.shape) for each in golden_checkpoint("qwen3").weights.values())


@pytest.mark.parametrize(
    "family", ["llama", "llama_biases", "mistral", "qwen2", "qwen3", "phi3", "olmo2", "gemma2", "gemma3"]
)
def test_the_next_start_takes_the_graph_from_the_cache_and_computes_the_same_bits(family: str, tmp_path: Path) -> None:
    choices = msgspec.structs.replace(EXACT, cache=tmp_path)
    given = golden_checkpoint(family)
    first = load_language(NOWHERE, choices, given, beside=lambda keep: keep()).model
    second = load_language(NOWHERE, choices, msgspec.structs.replace(given, weights={})).model
    logits = []
    for model in (first, second):
        model.allocate(4)
        logits.append(step(model, (TEXT, 0, [1, 2]), rows=range(64)).copy())
    assert np.abs(logits[0] - golden(family).logits).max() < 1e-3
    assert np.array_equal(logits[0], logits[1])


def test_a_graph_is_told_to_be_built_before_it_is_compiled_and_at_once_where_it_was_kept(tmp_path: Path) -> None:
    choices, built = msgspec.structs.replace(EXACT, cache=tmp_path), list[str]()
    for expected in ("", "built"):
        built.clear()
        opened = planned(
            NOWHERE, choices, golden_checkpoint("llama"), lambda keep: keep(), built=lambda: built.append("built")
        )
        assert "".join(built) == expected
        opened()
        assert built


def test_a_graph_that_cannot_be_built_keeps_nobody_waiting() -> None:
    built: list[bool] = []
    nothing = msgspec.structs.replace(golden_checkpoint("llama"), weights={})
    opened = planned(NOWHERE, EXACT, nothing, built=lambda: built.append(True))
    with pytest.raises(ModelInvalid):
        opened()
    assert built


def test_a_context_is_no_longer_than_the_model_was_made_for() -> None:
    given = golden_checkpoint("llama")
    for asked, expected in ((0, CONTEXT), (64, 64), (10**6, CONTEXT)):
        choices = msgspec.structs.replace(EXACT, max_context=asked)
        assert load_language(NOWHERE, choices, given).model.max_context == expected


def test_a_model_with_two_rotations_is_turned_by_the_long_one_where_more_is_asked_for() -> None:
    given = golden_checkpoint("phi3")
    facts = given.architecture
    wrong, long = Rope(tuple(2 * each for each in facts.rope.frequencies)), facts.rope  # type: ignore[union-attr]
    two = msgspec.structs.replace(facts, max_context=32, rope=wrong, long_context=CONTEXT, long_rope=long)
    answers = {}
    for asked in (0, 32, 33):
        choices = msgspec.structs.replace(EXACT, max_context=asked)
        found = load_language(NOWHERE, choices, msgspec.structs.replace(given, architecture=two))
        found.model.allocate(4)
        assert found.model.max_context == (asked or 32)
        assert found.checkpoint.architecture.long_context == (0 if asked == 33 else CONTEXT)
        answers[asked] = step(found.model, (TEXT[:32], 0, [1]), rows=range(32))
    assert np.abs(answers[33] - golden("phi3").logits[:32]).max() < 1e-3
    assert np.array_equal(answers[0], answers[32])
    assert np.abs(answers[0] - answers[33]).max() > 0.01


def test_what_cannot_be_computed_is_refused_before_anything_is_built() -> None:
    given = golden_checkpoint("llama")
    wrong = msgspec.structs.replace(given, architecture=msgspec.structs.replace(given.architecture, kv_heads=3))
    with pytest.raises(ModelInvalid) as refusal:
        load_language(NOWHERE, EXACT, wrong)
    assert refusal.value.where == "kv_heads"


def test_a_cache_of_codes_is_refused_for_a_model_whose_attention_has_a_soft_cap() -> None:
    coded = msgspec.structs.replace(EXACT, kv_precision="u8")
    assert load_language(NOWHERE, coded, golden_checkpoint("gemma3")).plan.kv == "u8"
    with pytest.raises(ModelInvalid) as refusal:
        load_language(NOWHERE, coded, golden_checkpoint("gemma2"))
    assert refusal.value.where == "llm.kv_precision"


@pytest.mark.parametrize("precision", ["auto", "bf16", "int8", "int4"])
def test_every_precision_answers_nearly_as_float32_does(precision: str) -> None:
    choices = msgspec.structs.replace(EXACT, precision=precision, kv_precision="auto")
    found = load_language(NOWHERE, choices, golden_checkpoint("llama"))
    found.model.allocate(4)
    logits = step(found.model, (TEXT, 0, [1, 2]), rows=range(64))
    assert np.abs(logits - golden("llama").logits).mean() < (0.6 if precision == "int4" else 0.15)


@pytest.mark.parametrize("precision", ["auto", "int4"])
def test_texts_alone_come_to_have_a_graph_of_their_own_the_next_start_too(precision: Asked, tmp_path: Path) -> None:
    choices = Choices(threads=2, precision=precision, cache=tmp_path)
    for _ in range(2):
        model = load_language(NOWHERE, choices, golden_checkpoint("llama"), beside=lambda keep: keep()).model
        model.allocate(4)
        logits = [step(model, ([7], 0, [1])) for _ in range(ENOUGH)]
        model.rest()
        for thread in threading.enumerate():
            if thread.name == "second graph":
                thread.join(60)
        for _ in range(TRIALS + 1):
            assert np.abs(step(model, ([7], 0, [1])) - logits[0]).max() < (0.05 if precision == "int4" else 1e-6)
        assert model._running is not model._any or model._least_rows == 2


def test_a_second_graph_is_made_only_where_there_is_room_for_it_and_what_it_takes_is_told(tmp_path: Path) -> None:
    choices = Choices(threads=2, cache=tmp_path)
    first = load_language(NOWHERE, choices, golden_checkpoint("llama"), beside=lambda keep: keep())
    needed, num_bytes = first.second_bytes, sum(prod(each.shape) for each in first.checkpoint.weights.values())
    assert needed == second_bytes(num_bytes, in_common=first.plan.precision.library is not None)
    for most, expected in ((needed, needed), (needed - 1, 0)):
        tight = msgspec.structs.replace(choices, most_second_bytes=most)
        found = load_language(NOWHERE, tight, golden_checkpoint("llama"))
        assert found.second_bytes == expected
        found.model.allocate(4)
        for _ in range(ENOUGH):
            step(found.model, ([7], 0, [1]))
        found.model.rest()
        begun = [thread for thread in threading.enumerate() if thread.name == "second graph"]
        for thread in begun:
            thread.join(60)
        assert bool(begun) == bool(expected)


def test_where_no_graph_is_kept_there_is_no_second_to_have_room_for() -> None:
    assert load_language(NOWHERE, Choices(threads=2), golden_checkpoint("llama")).second_bytes == 0
