"""A decoder's engine is put together once its graph is there."""

from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.engine_decoder import assemble
from headrace.errors import ModelInvalid
from headrace.generation import Generate, Generated, GenerationDefaults, Prompt, Sampling
from headrace.llm.engine import DecoderEngine
from headrace.runtimes.openvino_open import Choices, Opened, load_language, open_model
from tests.engine_files import answer, asked, decoder


def _engine(
    path: Path,
    max_context: int = 0,
    most_kv_bytes: int | None = None,
    defaults: GenerationDefaults | None = None,
    **llm: Any,
) -> DecoderEngine:
    checkpoint, graph = open_model(path), Future[Opened]()
    if defaults is not None:
        checkpoint = msgspec.structs.replace(checkpoint, defaults=defaults)
    graph.set_result(load_language(path, Choices(2, max_context=max_context), checkpoint))
    loading = msgspec.structs.replace(asked(path, **llm), most_kv_bytes=most_kv_bytes)
    return assemble(loading, checkpoint, None, graph)


def test_a_decoder_continues_texts_and_says_what_it_is(tmp_path: Path) -> None:
    engine = _engine(decoder(tmp_path), max_context=48)
    facts = engine.facts
    assert (facts.family, facts.tasks, facts.max_context, facts.source) == ("llama", ("generate",), 48, "gguf")
    assert facts.kind == "F32"
    assert 0 < facts.num_blocks <= 128 * 2
    found = answer(engine, Generate(Prompt(text="The server"), Sampling(max_tokens=5, ignore_eos=True)))
    assert isinstance(found, Generated)
    assert found.usage.completion_tokens == 5


def test_a_decoder_s_own_recommendations_are_in_force_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    recommends = GenerationDefaults(temperature=0.7)
    assert _engine(decoder(tmp_path), defaults=recommends).facts.defaults == recommends
    assert _engine(decoder(tmp_path), defaults=recommends, generation_defaults="none").facts.defaults == (
        GenerationDefaults()
    )


def test_memory_for_less_than_a_block_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid) as refusal:
        _engine(decoder(tmp_path), kv_memory="100B")
    assert refusal.value.where == "llm.kv_memory"


def test_a_cache_takes_no_more_than_a_budget_leaves_and_says_what_it_takes(tmp_path: Path) -> None:
    whole = _engine(decoder(tmp_path)).facts
    assert whole.kv_bytes > 0
    block_bytes = whole.kv_bytes // (whole.num_blocks + 1)
    held = _engine(decoder(tmp_path), most_kv_bytes=5 * block_bytes).facts
    assert (held.num_blocks, held.kv_bytes) == (4, 5 * block_bytes)
    small = _engine(decoder(tmp_path), most_kv_bytes=2 * block_bytes).facts
    assert small.max_context == small.block_size < whole.max_context  # no text is longer than all of it
    with pytest.raises(ModelInvalid, match=r"two blocks of .* bytes, and memory\.budget leaves 7 bytes for them"):
        _engine(decoder(tmp_path), most_kv_bytes=7)


def test_what_made_the_graph_impossible_is_raised(tmp_path: Path) -> None:
    path, graph = decoder(tmp_path), Future[Opened]()
    graph.set_exception(ModelInvalid("there is none", "embed"))
    with pytest.raises(ModelInvalid, match="embed"):
        assemble(asked(path), open_model(path), None, graph)
